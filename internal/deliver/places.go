package deliver

import (
	"bytes"
	"fmt"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/outfile"
)

// Places are the files and the folder of a delivery, found writable before the first run.
type Places struct {
	files  []*outfile.Place
	folder *outfile.Folder
}

// Open prepares every file that the options name, and the input files for InPlace. It refuses a file that cannot be
// written, and one that would be written twice. Close must be called on the result.
func (o Options) Open(inputFiles []string) (*Places, error) {
	p := &Places{}
	if err := o.open(p, inputFiles); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (o Options) open(p *Places, inputFiles []string) (err error) {
	names := append([]string{o.NetworkPolicy, o.PodSecurity}, o.Reports...)
	if o.Format == config.FormatKustomize {
		if p.folder, err = outfile.PrepareFolder(o.Output, isComponentFile); err != nil {
			return err
		}
	} else {
		names = append([]string{o.Output}, names...)
	}
	if o.InPlace {
		for _, name := range inputFiles {
			if err := p.add(name); err != nil {
				return err
			}
			if !p.files[len(p.files)-1].Regular() {
				return fmt.Errorf("--in-place cannot change %s: it is not a regular file", name)
			}
		}
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := p.add(name); err != nil {
			return err
		}
	}
	return nil
}

// isComponentFile reports whether podseal wrote a file of a kustomize component.
func isComponentFile(content []byte) bool {
	return bytes.HasPrefix(content, []byte(emit.KustomizeMark))
}

func (p *Places) add(name string) error {
	place, err := outfile.Prepare(name)
	if err != nil {
		return err
	}
	for _, other := range p.files {
		switch {
		case !place.Same(other):
		case other.Name() == name:
			return fmt.Errorf("%s would be written twice: use different files", name)
		default:
			return fmt.Errorf("%s and %s are one file, which would be written twice: use different files", other.Name(), name)
		}
	}
	p.files = append(p.files, place)
	return nil
}

// Write writes one of the files.
func (p *Places) Write(name string, data []byte) error {
	place, err := p.find(name)
	if err != nil {
		return err
	}
	return place.Write(data)
}

func (p *Places) replace(r replacement) error {
	place, err := p.find(r.path)
	if err != nil {
		return err
	}
	return place.Replace(r.old, r.now)
}

func (p *Places) find(name string) (*outfile.Place, error) {
	for _, place := range p.files {
		if place.Name() == name {
			return place, nil
		}
	}
	return nil, fmt.Errorf("writing %s: it was not prepared (this is a fault of podseal)", name)
}

func (p *Places) writeFolder(files []emit.File) error {
	if p.folder == nil {
		return fmt.Errorf("writing a folder: it was not prepared (this is a fault of podseal)")
	}
	return p.folder.Write(asFiles(files))
}

// Close releases the files. It may be called more than once.
func (p *Places) Close() {
	for _, place := range p.files {
		place.Close()
	}
}
