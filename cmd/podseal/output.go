package main

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/report/views"
)

// addDeliverFlags adds the flags that name the files for the result, and its form.
func addDeliverFlags(f *pflag.FlagSet, o *deliver.Options) {
	f.StringVarP(&o.Output, "output", "o", "", "write the result to a `FILE` instead of stdout (for --format kustomize: a folder)")
	f.StringVar(&o.Format, "format", config.FormatYAML, "write the result as one of "+strings.Join(config.Formats(), ", "))
	f.BoolVar(&o.InPlace, "in-place", false, "write the seal into the files of -f")
	f.BoolVar(&o.Diff, "diff", false, "print the changes to the files of -f as a unified diff")
	f.BoolVar(&o.KeepToken, "keep-token", false, "keep the pod's service account token, even if nothing showed that it is used")
	f.StringVar(&o.NetworkPolicy, "network-policy", "", "also write to a `FILE` a NetworkPolicy that admits only the ports that listened")
	f.BoolVar(&o.Egress, "egress", false, "add a NetworkPolicy of egress: only to where the containers were seen connecting, and to DNS")
	f.StringVar(&o.PodSecurity, "pod-security", "", "also write to a `FILE` a Namespace with labels that enforce the level restricted")
}

// reportOptions are the flags of the reports that a command writes.
type reportOptions struct {
	values []string
	files  []views.File
}

func (o *reportOptions) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.values, "report", nil, "also write a report: `KIND=FILE`, with a kind of "+strings.Join(views.Kinds(), ", ")+
		"; - and /dev/stderr mean the standard streams (repeatable)")
}

// check reads the flags. A report on stdout is refused if stdout also carries the result.
func (o *reportOptions) check(resultOnStdout bool) (err error) {
	if o.files, err = views.ParseFiles(o.values); err != nil {
		return exitcode.BadInput(err)
	}
	for _, f := range o.files {
		if stdout, _ := f.Standard(); stdout && resultOnStdout {
			return exitcode.BadInputf("--report %s=%s: the result goes to stdout: write it to a file with -o, or use %s=/dev/stderr", f.Kind, f.Name, f.Kind)
		}
	}
	return nil
}

// names returns the names of the files to write.
func (o *reportOptions) names() []string {
	var out []string
	for _, f := range o.files {
		if stdout, stderr := f.Standard(); !stdout && !stderr {
			out = append(out, f.Name)
		}
	}
	return out
}

// write writes all reports. The function writes the ones that go to a file.
func (o *reportOptions) write(s streams, d report.Document, file func(name string, data []byte) error) error {
	return views.WriteFiles(o.files, d, s.out, s.err, file)
}

// redactOptions are the flags that hide secrets.
type redactOptions struct{ patterns []string }

func (o *redactOptions) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.patterns, "redact", nil, "hide what matches `REGEX` in every output (repeatable); values of Secrets are hidden in any case")
}

// apply hides the matches of the patterns in everything that is printed from now on.
func (o *redactOptions) apply(s streams) error {
	if err := s.redact.MatchTexts(o.patterns); err != nil {
		return exitcode.BadInputf("--redact %w", err)
	}
	return nil
}

// sealOptions are the flags about seal files.
type sealOptions struct {
	file  string // to write; empty for none
	merge []string
}

func (o *sealOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.file, "seal", "", "also write the profile and its proof to a `FILE`, NAME.seal.yaml, for podseal check")
	f.StringArrayVar(&o.merge, "merge", nil, "keep what the `SEAL` of an earlier run with other commands needed: a file, or from-image for the one that the image has in its registry (repeatable)")
}
