package finding

import "strings"

// The ids of the rules. Policies of a check add theirs below "policy/".
const (
	NotSealable  = "seal/not-sealable"
	NotTestable  = "seal/not-testable"
	Exception    = "seal/exception"
	Loss         = "seal/loss"
	Manifest     = "drift/manifest"
	Digest       = "drift/digest"
	Commands     = "drift/commands"
	MissingSeal  = "drift/missing-seal"
	NewWrite     = "drift/new-write"
	NewMount     = "drift/new-mount"
	NewUser      = "drift/new-user"
	NewException = "drift/new-exception"
	NewPort      = "drift/new-port"
	Expired      = "drift/expired-exception"
	RunError     = "run/error"
	policyPrefix = "policy/"
)

// Rule is a kind of finding.
type Rule struct {
	ID    string
	Title string // a few words
	Help  string // what it means, and what to do; full sentences
	Level Level  // of its findings, unless they have another
	// Docs is the address of its documentation; empty for a section of docs/findings.md that is named after the rule.
	Docs string
}

// page documents the rules, a section each.
const page = "https://github.com/podseal/podseal/blob/main/docs/findings.md"

// Page returns the address of the documentation of the rule.
func (r Rule) Page() string {
	if r.Docs != "" {
		return r.Docs
	}
	return page + "#" + r.Anchor()
}

// Anchor returns the name of the rule's section on its page, as a forge makes it of the heading "seal/loss".
func (r Rule) Anchor() string {
	id := r.ID
	if strings.HasPrefix(id, policyPrefix) {
		id = strings.TrimSuffix(policyPrefix, "/")
	}
	return strings.ReplaceAll(id, "/", "")
}

// Rules returns all rules but those of policies, sorted by id.
func Rules() []Rule {
	return []Rule{
		{Commands, "The e2e commands changed", "The seal was proved with other e2e commands than those of today. Run `podseal run` again and commit the new seal file.", Error, ""},
		{Digest, "The image changed", "The seal was proved for another image. Run `podseal run` again for the new image, and commit the seal file.", Error, ""},
		{Expired, "An accepted exception has expired", "The configuration accepts an exception until a date that has passed. Remove the cause, or accept it again with a new reason and date.", Error, ""},
		{Manifest, "The manifest differs from its seal", "The manifest does not carry a setting that the seal proved. Restore the setting, or run `podseal run` again.", Error, ""},
		{MissingSeal, "A target has no seal", "No seal file belongs to the target. Run `podseal run` and commit the seal file.", Error, ""},
		{NewException, "The image needs an exception", "The application fails now with a setting of the seal. Change the image as the message says, or seal and accept the exception.", Error, ""},
		{NewMount, "The image needs more than the seal allows", "The e2e commands fail now without a mount or a setting that the seal does not have. Run `podseal run` again, or change the image.", Error, ""},
		{NewPort, "The image listens on a new port", "The application listened on a port that it did not open when the seal was made. Run `podseal run` again, or change the image.", Error, ""},
		{NewUser, "The image needs another user", "The e2e commands fail now as the user of the seal. Run `podseal run` again, or change the image.", Error, ""},
		{NewWrite, "The image writes somewhere new", "The application wrote a path that it did not write when the seal was made. Run `podseal run` again, or change the image.", Error, ""},
		{RunError, "A target could not be run", "An error of the engine, of the image or of the input ended the target, so that nothing is known about it. The message says what to do.", Error, ""},
		{Exception, "A setting had to be given up", "The application fails with this setting of a full seal. Change the image as the message says, or accept the exception with `--allow`.", Error, ""},
		{Loss, "The sealed application does less", "The sealed run passed, but it did not do something that the open run did. Let an e2e command check it if it matters.", Warning, ""},
		{NotSealable, "The application cannot be sealed", "No profile was found that the e2e commands pass under without root. The message says what failed.", Error, ""},
		{NotTestable, "The e2e commands fail without a seal", "The e2e commands fail against the unrestricted application, so that nothing can be learnt. Make them pass first.", Error, ""},
	}
}

// RuleOf returns the rule of a finding. A finding of an unknown rule gets one with the id as its title.
func RuleOf(id string) Rule {
	for _, r := range Rules() {
		if r.ID == id {
			return r
		}
	}
	if strings.HasPrefix(id, policyPrefix) {
		return Rule{ID: id, Title: "The policy forbids it", Help: "The seal is not what the policy of the check demands. Change the image or the policy.", Level: Error}
	}
	return Rule{ID: id, Title: id, Help: id, Level: Error}
}
