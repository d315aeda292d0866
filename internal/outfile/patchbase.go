package outfile

import (
	"os"
	"path/filepath"
)

// PatchBase is the folder to apply a patch in. Its zero value is the working directory.
type PatchBase struct {
	dir string // absolute; empty for the working directory
	as  string // dir as it is shown
}

// NewPatchBase returns the folder for a patch of files: the working directory if they are all below it, else the root of the
// git repository that holds them, else the deepest folder that does. A folder stands for the files in it.
func NewPatchBase(files ...string) PatchBase {
	here, err := os.Getwd()
	if err != nil || len(files) == 0 {
		return PatchBase{}
	}
	dirs := make([]string, len(files))
	for i, f := range files {
		if dirs[i], err = filepath.Abs(f); err != nil {
			return PatchBase{}
		}
		if st, err := os.Stat(f); err != nil || !st.IsDir() {
			dirs[i] = filepath.Dir(dirs[i])
		}
	}
	if holdsAll(here, dirs) {
		return PatchBase{}
	}
	dir := dirs[0]
	for !holdsAll(dir, dirs) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	dir = repository(dir)
	b := PatchBase{dir: dir, as: dir}
	if relative, err := filepath.Rel(here, dir); err == nil && !filepath.IsAbs(files[0]) {
		b.as = relative
	}
	return b
}

// repository returns the root of the git repository that holds a folder, or the folder where none does.
func repository(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil { // a file in a worktree and in a submodule
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

func holdsAll(dir string, dirs []string) bool {
	for _, d := range dirs {
		if r, err := filepath.Rel(dir, d); err != nil || !filepath.IsLocal(r) {
			return false
		}
	}
	return true
}

// Name returns the name of a file in the patch: its path from the folder, with slashes.
func (b PatchBase) Name(file string) string {
	dir, err := filepath.Abs(b.dir) // of "" the working directory
	if err != nil {
		return filepath.ToSlash(file)
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return filepath.ToSlash(file)
	}
	relative, err := filepath.Rel(dir, absolute)
	if err != nil {
		return filepath.ToSlash(absolute)
	}
	return filepath.ToSlash(relative)
}

// Dir returns the folder as a user is shown it; empty for the working directory.
func (b PatchBase) Dir() string { return b.as }
