package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// setting is one setting of the profile as a manifest has it, with its reason.
type setting struct {
	field, name string // runAsGroup, "runAsGroup 101"
	why, proof  string
	common      bool // every seal has it
	mount       bool // it is about a mount
	unproved    bool // the trial without it was inconclusive
	givenUp     bool // an exception replaces it
}

// userField is the field of the user's reason.
const userField = "runAsUser"

// rootField is the field of the read-only root file system.
const rootField = "readOnlyRootFilesystem"

// envPrefix begins the field of an environment variable.
const envPrefix = "env "

// commonFields are the fields that every seal sets.
var commonFields = []string{"runAsGroup", rootField, plan.CapabilityField, "allowPrivilegeEscalation", "seccompProfile"}

// because returns the reason, to be written behind the setting's name.
func (s setting) because() string {
	if s.why == "" {
		return ""
	}
	return ": " + clean(s.why)
}

// settings returns the profile's settings with their values, the user first. Reasons for what the profile does not have are
// left out: a later step dropped it.
func settings(r Report) []setting {
	out := []setting{{name: userSetting(*r.Profile)}}
	for _, w := range r.Reasons {
		switch {
		case w.Field == userField:
			out[0] = newSetting(r, Reason{userSetting(*r.Profile), w.Why, w.Proof})
		case inTable(r, w.Field) || dropped(*r.Profile, w.Field):
		default:
			out = append(out, newSetting(r, w))
		}
	}
	return out
}

// inTable reports whether the table of written paths has the mount that a field names.
func inTable(r Report, field string) bool {
	return slices.ContainsFunc(r.Choices, func(c Choice) bool { return profile.MountID(c.Path) == field })
}

// newSetting returns the setting of a reason. The value is not repeated where the reason begins with it, and an exception
// replaces the reason.
func newSetting(r Report, w Reason) setting {
	v := value(*r.Profile, w.Field)
	s := setting{
		field: w.Field, name: w.Field + v, why: w.Why, proof: w.Proof,
		common:   slices.Contains(commonFields, w.Field),
		mount:    slices.ContainsFunc(r.Profile.Mounts, func(m Mount) bool { return profile.MountID(m.Path) == w.Field }),
		unproved: openQuestion(r, w.Field),
	}
	root := w.Field == userSetting(*r.Profile) && r.Profile.UID == 0
	if root || slices.ContainsFunc(r.Exceptions, func(e Exception) bool { return e.Setting == w.Field }) {
		s.why, s.proof, s.givenUp = "given up, see the exceptions", "", true
		return s
	}
	if at, why, ok := strings.Cut(w.Why, ": "); ok && (v == "" || v == " "+at) && !strings.Contains(at, " ") {
		s.name, s.why = w.Field+" "+at, why
	}
	return s
}

// short returns the setting in few words.
func (s setting) short() string {
	if s.field == rootField {
		return s.field
	}
	return s.name
}

func userSetting(p Profile) string { return userField + " " + userValue(p) }

// userValue returns the user's number, with the name of the account where it is known.
func userValue(p Profile) string {
	if p.UserName == "" {
		return strconv.FormatInt(p.UID, 10)
	}
	return fmt.Sprintf("%d (%s)", p.UID, p.UserName)
}

// dropped reports whether a field names a setting that the profile does not have.
func dropped(p Profile, field string) bool {
	if name, ok := strings.CutPrefix(field, envPrefix); ok {
		_, has := p.Env[name]
		return !has
	}
	if at, ok := profile.MountOf(field); ok {
		return !slices.ContainsFunc(p.Mounts, func(m Mount) bool { return m.Path == at })
	}
	switch field {
	case plan.WorkingDirField:
		return p.WorkingDir == ""
	case profile.LowPortsID:
		return !p.LowPorts
	case profile.PingID:
		return !p.Ping
	case profile.FSGroupID:
		return p.FSGroup == 0
	}
	return false
}

// value returns the value of a setting, with the character before it.
func value(p Profile, field string) string {
	if name, ok := strings.CutPrefix(field, envPrefix); ok {
		return "=" + p.Env[name]
	}
	switch field {
	case "runAsGroup":
		s := fmt.Sprintf(" %d", p.GID)
		if len(p.Groups) > 0 {
			s += ", supplementalGroups " + ints(p.Groups)
		}
		return s
	case rootField:
		return " " + strconv.FormatBool(!p.WritableRoot)
	case "allowPrivilegeEscalation":
		return " " + strconv.FormatBool(p.AllowPrivilegeEscalation)
	case plan.CapabilityField:
		if len(p.AddCapabilities) == 0 {
			return " drop ALL"
		}
		return " drop ALL, add " + strings.Join(p.AddCapabilities, ", ")
	case plan.WorkingDirField:
		return " " + p.WorkingDir
	case profile.LowPortsID:
		return "=0"
	case profile.PingID:
		return "=0 2147483647"
	default:
		return ""
	}
}
