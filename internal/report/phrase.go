package report

// Sentence describes a piece of evidence: "/run/x.pid: open denied (EROFS) in phase start, by nginx uid 101, 2x".
func (e Evidence) Sentence() string { return sentence(e) }

// Sentence describes a loss: "port not open: 9000: nothing listened on it".
func (l Loss) Sentence() string { return lossLine(l) }

// Sentence says how far the tracer saw, and what that leaves open.
func (t Trace) Sentence() string { return traceLine(t) }

// Sentence says in a line what the profile allows.
func (p Profile) Sentence() string { return allowed(p) }

// User returns the number of the user, with the name of the account if it is known.
func (p Profile) User() string { return userValue(p) }

// Sentence describes the change of a field.
func (c ManifestChange) Sentence() string { return c.description() }

// Place returns the place of a change as compilers write it.
func (c ManifestChange) Place() string { return c.where() }

// Sentence says what to do, with the line of a Dockerfile if there is one.
func (w Way) Sentence() string { return wayLine(w) }

// Who says who wrote in a folder, in a few words: "nginx uid 101, 3x".
func (c Choice) Who() string { return writers(c.Evidence) }

// Limits returns what limits the verdict, to be appended to it: that writes were not traced, and losses.
func (r Report) Limits() string { return r.limits() }

// ImageLine names the image by its digest or id, with the platform.
func (r Report) ImageLine() string { return imageLine(r.Image) }

// Degraded returns the writes that were denied in the sealed run and are not among the losses.
func (r Report) Degraded() []Evidence { return r.degraded() }

// Decisive returns the runs that decided against a seal.
func (r Report) Decisive() []Round { return decisive(r) }

// Setting is one setting of the profile as a manifest has it.
type Setting struct {
	Name, Why, Proof string
	Common           bool // every seal has it
}

// Settings returns the settings of the profile that are no mounts, the user first; none without a profile.
func (r Report) Settings() []Setting {
	if r.Profile == nil {
		return nil
	}
	var out []Setting
	for _, s := range settings(r) {
		if !s.mount {
			out = append(out, Setting{Name: s.name, Why: s.why, Proof: s.proof, Common: s.common})
		}
	}
	return out
}
