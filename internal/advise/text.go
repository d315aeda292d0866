package advise

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/termtext"
)

// textWidth is the longest line of the text, except for words that are longer.
const textWidth = 100

// Text returns the report for a terminal, about one screen.
func (r Report) Text() string {
	var b strings.Builder
	head := r.Image
	if r.Platform != "" {
		head += " (" + r.Platform + ")"
	}
	fmt.Fprintf(&b, "%s\n", head)
	if len(r.Containers) > 0 {
		wrap(&b, "  ", "    ", "Run by "+strings.Join(r.Containers, ", "))
	}
	b.WriteString("\n")
	wrap(&b, "  ", "  ", fmt.Sprintf("%s: %s.", r.Model, r.Why))
	for _, e := range r.Evidence {
		wrap(&b, "    ", "      ", e.String())
	}
	if r.User.UID != 0 {
		wrap(&b, "  ", "  ", fmt.Sprintf("It can run as %d:%d: %s.", r.User.UID, r.User.GID, r.UserWhy))
	}
	b.WriteString("\nWays out, best first\n")
	for i, w := range r.Ways {
		w.write(&b, i+1)
	}
	r.writeFindings(&b)
	for _, n := range r.Notes {
		b.WriteString("\n")
		wrap(&b, "Note: ", "  ", n+".")
	}
	if r.BytesRead > 0 {
		fmt.Fprintf(&b, "\nRead %s of the image.\n", bytesText(r.BytesRead))
	}
	return b.String()
}

func (w Way) write(b *strings.Builder, n int) {
	says := w.Says
	if w.Kind == Variant || w.Kind == Alternative {
		says += inline(w.Evidence)
	}
	wrap(b, fmt.Sprintf("  %d. ", n), "     ", says)
	wrap(b, "     cost: ", "       ", w.Cost)
	for line := range strings.Lines(w.Snippet) {
		fmt.Fprintf(b, "       %s\n", strings.TrimRight(line, "\n"))
	}
}

// writeFindings lists what the model does not say already.
func (r Report) writeFindings(b *strings.Builder) {
	said := []string{IDRootDrops, IDRootWorkers, IDNamedUser, IDMissingUser}
	if r.Model.DeclaresRoot() {
		said = append(said, IDRoot)
	}
	title := "\nAlso found\n"
	for _, f := range r.Findings {
		if slices.Contains(said, f.ID) {
			continue
		}
		b.WriteString(title)
		title = ""
		wrap(b, "  ["+f.ID+"] ", "    ", f.Says+inline(f.Evidence))
	}
}

// inline returns evidence in brackets, to follow a sentence.
func inline(all []Evidence) string {
	var parts []string
	for i, e := range all {
		if i == 2 && len(all) > 3 {
			parts = append(parts, "and more")
			break
		}
		parts = append(parts, e.String())
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// wrap writes text in lines, the first behind one indentation, the others behind another.
func wrap(b *strings.Builder, first, rest, text string) {
	for i, l := range termtext.Wrap(text, textWidth-termtext.Width(first), textWidth-termtext.Width(rest)) {
		indent := rest
		if i == 0 {
			indent = first
		}
		b.WriteString(indent + l + "\n")
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
