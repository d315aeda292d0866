package diff

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/termtext"
)

// contents say what the image has in a folder.
var contents = map[Content]string{
	Absent: "absent from the image", Empty: "empty in the image", Filled: "the image has files in it",
}

// Text explains the folding of a number of changes of docker diff.
func (f Folding) Text(w io.Writer, changes int) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %s\n", termtext.Count(changes, "change"), termtext.Count(len(f.Folders), "folder"))
	if len(f.Folders)+len(f.Root) > 0 {
		fmt.Fprintln(table, "\nFOLDER\tIMAGE\tWOULD NEED\tWHY")
	}
	for _, folder := range f.Folders {
		need := "a mount"
		if folder.Content == Filled {
			need = "a seeded mount, or none where the application tolerates that"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", safetext.Line(folder.Path), contents[folder.Content], need, safetext.Line(folder.Why))
	}
	for _, e := range f.Root {
		fmt.Fprintf(table, "%s\t-\tanother working directory\tnothing can be mounted on /\n", safetext.Line(e.Path))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, `
Not shown by docker diff: files that were made and removed again, writes below a VOLUME, files opened for writing but
left unchanged, refused writes, and the process that wrote. podseal run shows them.
`)
	return err
}
