package advise

import (
	"fmt"
	"strings"

	"github.com/podseal/podseal/internal/profile"
)

// wayList collects the ways out for one report.
type wayList struct {
	r    Report
	opts Options
	out  []Way
}

// waysOf returns the ways to a non-root container, best first.
func waysOf(r Report, opts Options) []Way {
	a := &wayList{r: r, opts: opts}
	a.all()
	return a.out
}

func (a *wayList) all() {
	switch {
	case a.opts.RunAsUser != nil && *a.opts.RunAsUser != 0:
		a.way(Way{Kind: Nothing, Says: "nothing to do: the manifest names a numeric non-root user", Cost: "none"})
		return
	case a.r.Model == NonRoot:
		a.nothing()
		return
	}
	a.pin()
	a.alternatives()
	if a.r.Model == MissingUser {
		a.dockerfile("name a user that exists, by its number")
		return
	}
	a.dockerfile("declare the user by its number, so that no manifest has to")
}

func (a *wayList) way(w Way) { a.out = append(a.out, w) }

func (a *wayList) nothing() {
	w := Way{Kind: Nothing, Says: "nothing to do: runAsNonRoot accepts the image as it is", Cost: "none"}
	if strings.Contains(a.r.Declared, ":") {
		w.Says += "; the kubelet ignores the group of USER, so set runAsGroup too"
		w.Snippet = podSnippet(a.r.User)
		w.Cost = "one line in the manifest"
	}
	a.way(w)
}

// pinCosts say what pinning the uid in the manifest means, by model.
var pinCosts = map[Model]string{
	NamedUser:   "three lines in the manifest; check the uid again when the tag changes",
	MissingUser: "three lines in the manifest, and a test: nobody can have run the image as it is",
	RootDrops:   "three lines in the manifest; the entrypoint then skips its chown, so existing volumes must belong to that uid already (fsGroup helps)",
	RootWorkers: "lines in the manifest, and a test: its first process then starts as that uid too, and must not need root " +
		"(files that only root may write, ports below 1024); `podseal run` proves it",
	Root: "lines in the manifest, and a test: nothing in the image shows that it works without root; `podseal run` proves it",
}

func (a *wayList) pin() {
	cost := pinCosts[a.r.Model]
	if tool := a.r.fixedDrop; tool != "" {
		cost = fmt.Sprintf("lines in the manifest, and a change of the start: it calls %s whoever runs it, which fails for a non-root user; "+
			"set `command` to the program behind %s, or call it only where `id -u` is 0", tool, tool)
	}
	a.way(Way{
		Kind: Pin, Says: fmt.Sprintf("pin uid %d in the manifest: %s", a.r.User.UID, a.r.UserWhy),
		Cost: cost, Snippet: podSnippet(a.r.User), Evidence: a.r.Evidence,
	})
}

func podSnippet(u profile.User) string {
	s := fmt.Sprintf("securityContext:\n  runAsNonRoot: true\n  runAsUser: %d\n  runAsGroup: %d\n", u.UID, u.GID)
	if len(u.Groups) > 0 {
		s += "  supplementalGroups: " + strings.ReplaceAll(fmt.Sprint(u.Groups), " ", ", ") + "\n"
	}
	return s
}

// alternatives names the catalog's other images: variants of the same one first.
func (a *wayList) alternatives() {
	known, ok := a.opts.Catalog.Find(a.r.Image)
	if !ok {
		return
	}
	own, tag := splitRef(a.r.Image)
	for _, kind := range []WayKind{Variant, Alternative} {
		for _, o := range known.Alternatives {
			repo, tags, _ := strings.Cut(o.Image, ":")
			if (kind == Variant) != wild(repo, own) || (kind == Variant && wild(tags, tag)) {
				continue
			}
			a.way(a.other(kind, o, own))
		}
	}
}

func (a *wayList) other(kind WayKind, o Other, own string) Way {
	img, tags, _ := strings.Cut(o.Image, ":")
	if wild(img, own) {
		img = own
	}
	switch {
	case tags != "":
		img += ":" + tags
	case len(o.Tags) > 0:
		img += ":" + o.Tags[0]
	}
	says := fmt.Sprintf("use %s, which runs as uid %d", img, o.UID)
	if kind == Variant {
		says = fmt.Sprintf("use the image's own variant %s, which runs as uid %d", img, o.UID)
	}
	cost := "a test with the other image"
	if o.UID != a.r.User.UID {
		cost += fmt.Sprintf("; the uid changes from %d to %d, so files on existing volumes must change their owner (fsGroup, or chown once)", a.r.User.UID, o.UID)
	}
	if len(o.Ports) > 0 {
		cost += "; it listens on " + strings.Trim(strings.ReplaceAll(fmt.Sprint(o.Ports), " ", ", "), "[]")
	}
	if o.Login {
		cost += "; its registry wants a login"
	}
	if o.Note != "" {
		says += " (" + o.Note + ")"
	}
	return Way{
		Kind: kind, Says: says, Cost: cost, Image: img,
		Evidence: []Evidence{{Where: "catalog", Text: fmt.Sprintf("%s, %s, %s", o.How, o.Source, o.Date)}},
	}
}

func (a *wayList) dockerfile(says string) {
	a.way(Way{
		Kind: Dockerfile, Says: says, Cost: "a build; `podseal advise Dockerfile` writes the whole patch",
		Snippet: fmt.Sprintf("USER %d:%d\n", a.r.User.UID, a.r.User.GID),
	})
}
