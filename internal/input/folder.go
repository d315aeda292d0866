package input

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/helmchart"
	"github.com/podseal/podseal/internal/outfile"
)

// sealSuffix ends the names of seal files, which are no manifests.
const sealSuffix = ".seal.yaml"

// IsOwnFile reports whether a file has the name of one of podseal's own files: a seal file, or podseal.yaml.
func IsOwnFile(name string) bool {
	return strings.HasSuffix(name, sealSuffix) || filepath.Base(name) == config.DefaultName
}

// manifestsIn lists the manifests of a folder and of the folders below it, in the order of their names. Hidden files and
// folders are left out, as are seal files and the component of a kustomization in the folder without. skipped says which
// folders could not be read. A chart, and a kustomization below the folder, are errors.
func manifestsIn(folder, without string) (out []string, skipped []error, err error) {
	err = filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil && name == folder {
			return outfile.Plain(err)
		}
		if err != nil {
			skipped = append(skipped, outfile.Plain(err))
			return nil
		}
		hidden := name != folder && strings.HasPrefix(d.Name(), ".")
		switch {
		case d.IsDir() && (hidden || kustomizationIn(name) != "" && isEntry("", name, without)):
			return filepath.SkipDir
		case d.IsDir():
			return refuseFolder(folder, name)
		case !hidden && !strings.HasSuffix(name, sealSuffix) && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)) && !isFolder(name):
			out = append(out, name)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("no manifest in folder %s: podseal reads its *.yaml, *.yml and *.json files", folder)
	}
	return out, skipped, err
}

// isFolder reports whether a name is a folder, or a link to one: a walk does not follow links.
func isFolder(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.IsDir()
}

// refuseFolder refuses what must be built before it is a manifest.
func refuseFolder(root, folder string) error {
	if helmchart.Is(folder) {
		return fmt.Errorf("%s is a Helm chart: give its folder itself with -f, or the other files one by one", folder)
	}
	if file := kustomizationIn(folder); file != "" && folder != root {
		return fmt.Errorf("%s holds a kustomization (%s): give its folder itself with -f, or the other files one by one", root, file)
	}
	return nil
}
