// Command mutate changes operators of the code at random, one at a time, and runs the tests of the package that the
// change is in; if these notice nothing, those of the packages that import it, unless -own is set. It lists the changes that no
// test noticed.
//
//	go run ./scripts/mutate [-n 60] [-seed 1] [-min 95] [-own] PACKAGE...
//
// Nothing is written into the source: the changed file reaches the compiler as an overlay.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// outcome is what the tests say of a mutant.
type outcome string

const (
	noticed   outcome = "noticed"
	elsewhere outcome = "elsewhere" // noticed by tests of another package only
	survived  outcome = "survived"
	unbuilt   outcome = "not built"
)

func main() {
	n := flag.Int("n", 60, "number of changes; 0 makes all")
	seed := flag.Uint64("seed", 1, "seed of the choice: the same seed and code give the same changes")
	least := flag.Float64("min", 0, "fail if fewer percent of the changes are noticed")
	own := flag.Bool("own", false, "run the tests of the changed package alone")
	workers := flag.Int("j", max(1, runtime.NumCPU()/2), "tests at once")
	flag.Parse()
	if err := run(*n, *seed, *least, *workers, *own, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(n int, seed uint64, least float64, workers int, own bool, packages []string) error {
	all, err := candidates(packages)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a choice that can be repeated
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if n > 0 && n < len(all) {
		all = all[:n]
	}
	users := map[string][]string{}
	if !own {
		if users, err = importers(); err != nil {
			return err
		}
	}
	results, err := judge(all, users, workers)
	if err != nil {
		return err
	}
	return report(all, results, least)
}

// candidates returns all mutants of packages, in the order of files and lines.
func candidates(packages []string) ([]mutant, error) {
	args := append([]string{"list", "-f", `{{range .GoFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}`}, packages...)
	list := exec.Command("go", args...) //nolint:noctx // a moment
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s: %w", strings.Join(packages, " "), err)
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, file := range strings.Fields(string(out)) {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(here, file)
		if err != nil {
			return nil, err
		}
		found, err := mutants(name, source)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b mutant) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.offset, b.offset)) })
	return all, nil
}

// judge tests all mutants, several at once, and returns their outcomes in the same order.
func judge(all []mutant, users map[string][]string, workers int) ([]outcome, error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	results, faults := make([]outcome, len(all)), make([]error, len(all))
	slots := make(chan struct{}, workers)
	var wait sync.WaitGroup
	for i, m := range all {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			results[i], faults[i] = test(m, users["./"+filepath.Dir(m.file)], filepath.Join(dir, fmt.Sprint(i)))
			fmt.Printf("%4d/%d %-9s %s\n", i+1, len(all), results[i], m)
		})
	}
	wait.Wait()
	return results, errors.Join(faults...)
}

// limit bounds the tests of one mutant, which may never end. A test that takes so long has noticed the change.
const limit = 3 * time.Minute

// test runs the tests of a mutant's package, then those of the packages that use it. Files for it lie at a path prefix.
func test(m mutant, users []string, prefix string) (outcome, error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	absolute, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{absolute: prefix + ".go"}})
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(prefix+".go", m.apply(source), 0o600), os.WriteFile(prefix+".json", overlay, 0o600)); err != nil {
		return "", err
	}
	if result := runTests(prefix+".json", "./"+filepath.Dir(m.file)); result != survived || len(users) == 0 {
		return result, nil
	}
	if runTests(prefix+".json", users...) == survived {
		return survived, nil
	}
	return elsewhere, nil
}

// runTests runs the tests of packages over an overlay.
func runTests(overlay string, packages ...string) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-vet=off", "-failfast", "-overlay", overlay}, packages...)...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return survived
	case strings.Contains(string(out), "[build failed]"):
		return unbuilt
	}
	return noticed
}

// importers returns, for each folder of a package, the folders of those that import it.
func importers() (map[string][]string, error) {
	const module = "github.com/podseal/podseal/"
	list := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"internal/...") //nolint:noctx // a moment
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing imports: %w", err)
	}
	users := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		paths := strings.Fields(strings.ReplaceAll(line, module, "./"))
		for _, imported := range paths[1:] {
			users[imported] = append(users[imported], paths[0])
		}
	}
	return users, nil
}

// report prints the mutants that survived, and a summary.
func report(all []mutant, results []outcome, least float64) error {
	count := map[outcome]int{}
	for _, r := range results {
		count[r]++
	}
	if count[survived] > 0 {
		fmt.Println("\nno test noticed:")
	}
	for i, r := range results {
		if r == survived {
			fmt.Println("  " + all[i].String())
		}
	}
	caught := count[noticed] + count[elsewhere]
	built := caught + count[survived]
	percent := 100 * float64(caught) / float64(max(1, built))
	fmt.Printf("\n%d of %d changes noticed (%.0f %%), %d of them by tests of another package only; %d did not compile\n",
		caught, built, percent, count[elsewhere], count[unbuilt])
	if percent < least {
		return fmt.Errorf("%.0f %% of the changes were noticed, fewer than %.0f %%", percent, least)
	}
	return nil
}
