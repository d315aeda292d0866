package emit

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// View is a profile in another form than a manifest.
type View struct {
	Text []byte
	// Notes are what this form cannot say, a sentence each. They stand in the text as comments, too.
	Notes []string
}

// service is a sealed container as an engine runs it, for compose and docker run.
type service struct {
	name, image, platform string
	entrypoint            []string // nil: the image's
	args                  []string
	env                   []variable
	workingDir            string
	profile               profile.Profile
	tmpfs                 []folder
	copied                []string // folders that start with the image's content
	network               string
	ports                 []string // with their protocol, where that is not TCP
	notes                 []string
}

// variable is one of the environment; one that is not given takes its value from where the command runs.
type variable struct {
	name, value string
	given       bool
}

// folder is a tmpfs.
type folder struct{ path, options string }

// services describes sealed containers with separate names.
func services(all []Input) ([]service, error) {
	names := podspec.Names{}
	var out []service
	for _, in := range all {
		if in.Profile.Open {
			return nil, fmt.Errorf("writing the profile of %s: it is the unrestricted one, which is never written", in.Target.Image)
		}
		c, _ := in.container()
		s := service{
			name: names.Take(cmp.Or(in.Name, Name(in.Target.Image))), image: cmp.Or(c.Image, in.Facts.Digest, in.Target.Image), platform: in.Target.Platform,
			entrypoint: in.Target.Concealed(in.Target.Entrypoint), args: in.Target.Concealed(in.Target.Args), workingDir: cmp.Or(in.Profile.WorkingDir, in.Target.WorkingDir),
			profile: in.Profile, network: in.Target.Network, ports: portWords(in),
		}
		s.environment(in)
		if err := s.folders(in); err != nil {
			return nil, err
		}
		s.podNotes(in)
		out = append(out, s)
	}
	return out, nil
}

// portWords returns the ports of a container as docker run takes them.
func portWords(in Input) []string {
	var out []string
	for _, p := range podspec.Ports(in.Target, in.Facts) {
		word := strconv.Itoa(int(p.ContainerPort))
		if p.Protocol != "" {
			word += "/" + strings.ToLower(string(p.Protocol))
		}
		out = append(out, word)
	}
	return out
}

// container returns where an input stands in a manifest.
func (in Input) container() (manifest.Container, bool) {
	if in.Pod == nil {
		return manifest.Container{}, false
	}
	return in.Pod.Container(in.Name)
}

// environment takes the variables with the values that they had, but for those that a pod takes from elsewhere: these
// may be secrets, and a file is no place for them.
func (s *service) environment(in Input) {
	c, inPod := in.container()
	last := map[string]int{}
	for i, e := range in.Target.Env {
		last[e.Name] = i
	}
	var elsewhere []string
	for i, e := range in.Target.Env {
		if _, own := in.Profile.Env[e.Name]; own || last[e.Name] != i {
			continue
		}
		given := !inPod || c.HasValue(e.Name)
		if !given {
			elsewhere = append(elsewhere, e.Name)
			e.Value = ""
		}
		s.env = append(s.env, variable{e.Name, e.Value, given})
	}
	for _, name := range slices.Sorted(maps.Keys(in.Profile.Env)) {
		s.env = append(s.env, variable{name, in.Profile.Env[name], true})
	}
	if len(elsewhere) > 0 {
		s.note("the pod takes %s from elsewhere: set them where you start this, the values are not written here", strings.Join(elsewhere, ", "))
	}
	if !slices.Equal(slices.Concat(s.entrypoint, s.args), slices.Concat(in.Target.Entrypoint, in.Target.Args)) {
		s.note("the command has values of a Secret in it, which are not written here: put them there")
	}
	if slices.ContainsFunc(slices.Concat(s.entrypoint, s.args), func(w string) bool { return strings.Contains(w, target.PodIP) }) {
		s.note("%s in the command stands for the pod's address: put the right one there", target.PodIP)
	}
}

func (s *service) note(format string, args ...any) {
	s.notes = append(s.notes, s.name+": "+fmt.Sprintf(format, args...))
}

// folders makes a tmpfs of each mount that starts empty. It belongs to the user, so that its mode holds whatever mode the
// image's folder has: older versions of runc let that one win.
func (s *service) folders(in Input) error {
	user := in.Profile.User
	plain := false
	for _, m := range in.Profile.Mounts {
		if err := podspec.CheckMountPath(m.Path); err != nil {
			return err
		}
		options := fmt.Sprintf("rw,exec,mode=%s,uid=%d,gid=%d", folderMode(m), user.UID, user.GID)
		if m.SizeLimit > 0 {
			options += ",size=" + strconv.FormatInt(m.SizeLimit, 10)
		}
		if m.Kind == profile.Seeded {
			s.copied = append(s.copied, m.Path)
			s.note("%s is filled by an init container as user %d in the seal; here the engine copies the image's folder into a volume, with the image's owners: what does not belong to user %d there cannot be written",
				m.Path, user.UID, user.UID)
			continue
		}
		plain = plain || m.Medium == profile.Disk
		s.tmpfs = append(s.tmpfs, folder{m.Path, options})
	}
	if plain {
		s.note("the folders of the seal are emptyDirs on the disk of the node; a tmpfs is in memory, and empty again after each restart")
	}
	return nil
}

func folderMode(m profile.Mount) string {
	switch {
	case m.Kind == profile.Owned:
		return "0755"
	case m.Medium == profile.Memory:
		return "1777"
	}
	return "0777"
}

// podNotes says what else the pod has, and adds the emptyDirs that it has by itself.
func (s *service) podNotes(in Input) {
	c, ok := in.container()
	if !ok {
		return
	}
	user := in.Profile.User
	for _, m := range c.VolumeMounts {
		at := path.Clean(m.MountPath)
		if _, sealed := in.Profile.Mount(at); sealed {
			continue
		}
		kind := volumeKind(in.Pod, m.Name)
		if kind == "emptyDir" && m.SubPath == "" && m.SubPathExpr == "" && !m.ReadOnly && podspec.CheckMountPath(at) == nil {
			s.tmpfs = append(s.tmpfs, folder{at, fmt.Sprintf("rw,exec,mode=0777,uid=%d,gid=%d", user.UID, user.GID)})
			continue
		}
		s.note("the pod mounts volume %s (%s) at %s, which is not in here: mount what it holds", m.Name, kind, at)
	}
	if len(in.Pod.Spec.Containers)+len(in.Pod.Spec.InitContainers) > 1 {
		s.note("the containers of a pod share network and volumes, and init containers run first; what stands here is one container of %s", in.Pod)
	}
}

// volumeKind names the source of a pod's volume as the manifest does.
func volumeKind(pod *manifest.Pod, name string) string {
	for _, v := range pod.Spec.Volumes {
		if v.Name != name {
			continue
		}
		for _, k := range []struct {
			name string
			is   bool
		}{
			{"configMap", v.ConfigMap != nil},
			{"secret", v.Secret != nil},
			{"projected", v.Projected != nil},
			{"downwardAPI", v.DownwardAPI != nil},
			{"persistentVolumeClaim", v.PersistentVolumeClaim != nil},
			{"hostPath", v.HostPath != nil},
			{"image", v.Image != nil},
			{"emptyDir", v.EmptyDir != nil || v.VolumeSource == (corev1.VolumeSource{})},
		} {
			if k.is {
				return k.name
			}
		}
		return "volume"
	}
	if slices.Contains(pod.Claims, name) {
		return "volumeClaimTemplate"
	}
	return "unknown volume"
}

// lowPortsValue returns the first port that needs no privilege, as the seal was proved.
func (s *service) lowPortsValue() string {
	if s.profile.LowPorts {
		return "0"
	}
	return "1024"
}

// hostNetwork reports whether the container shares a network, so that it can have no sysctl of one.
func (s *service) hostNetwork() bool {
	return s.network == "host" || strings.HasPrefix(s.network, "container:")
}

func (s *service) groups() []string {
	var out []string
	for _, g := range s.profile.User.Groups {
		out = append(out, strconv.FormatInt(g, 10))
	}
	return out
}

func (s *service) user() string {
	return fmt.Sprintf("%d:%d", s.profile.User.UID, s.profile.User.GID)
}

// commented returns notes as comment lines.
func commented(notes []string) string {
	var b strings.Builder
	for _, n := range notes {
		b.WriteString("# " + comment(n) + "\n")
	}
	return b.String()
}
