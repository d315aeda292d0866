package advise

import (
	"fmt"
	"strings"
)

// Text is the report for a terminal, about one screen.
func (r Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", r.Image)
	if r.Platform != "" {
		fmt.Fprintf(&b, " (%s)", r.Platform)
	}
	fmt.Fprintf(&b, "\n\n  %s: %s.\n", r.Model, r.Why)
	for _, e := range r.Evidence {
		fmt.Fprintf(&b, "    %s\n", e)
	}
	if r.User.UID != 0 {
		fmt.Fprintf(&b, "  It can run as %d:%d: %s.\n", r.User.UID, r.User.GID, r.UserWhy)
	}
	b.WriteString("\nWays out, best first\n")
	for i, w := range r.Ways {
		fmt.Fprintf(&b, "  %d. %s\n     cost: %s\n", i+1, w.Says, w.Cost)
		for line := range strings.Lines(w.Snippet) {
			fmt.Fprintf(&b, "       %s\n", strings.TrimRight(line, "\n"))
		}
		if w.Kind == Variant || w.Kind == Alternative {
			for _, e := range w.Evidence {
				fmt.Fprintf(&b, "     %s\n", e)
			}
		}
	}
	r.writeFindings(&b)
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\nNote: %s.", n)
	}
	if r.BytesRead > 0 {
		fmt.Fprintf(&b, "\nRead %s of the image.", bytesText(r.BytesRead))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// writeFindings lists what the model does not say already.
func (r Report) writeFindings(b *strings.Builder) {
	said := map[string]bool{IDRoot: true, IDRootDrops: true, IDRootWorkers: true, IDNamedUser: true, IDMissingUser: true}
	title := "\nAlso found\n"
	for _, f := range r.Findings {
		if said[f.ID] {
			continue
		}
		fmt.Fprintf(b, "%s  [%s] %s\n", title, f.ID, f.Says)
		title = ""
		for i, e := range f.Evidence {
			if i == 2 && len(f.Evidence) > 3 {
				fmt.Fprintln(b, "    and more")
				break
			}
			fmt.Fprintf(b, "    %s\n", e)
		}
	}
}

func bytesText(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	default:
		return fmt.Sprintf("%d MB", n/1_000_000)
	}
}
