package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/yamledit"
)

// argo is Argo Workflows: each template with a container or a script is a pod.
var argo = &Controller{
	Name: "Argo Workflows", PodFields: true, seedList: "initContainers", draft: draftArgo,
	note: "Argo Workflows starts the command through a wrapper (argoexec), as a child process, and adds containers to the pod; here the command is started directly",
}

// argoReference is a reference that Argo Workflows replaces. Braces of other programs are kept.
var argoReference = regexp.MustCompile(`\{\{(=[^}]*|\s*(?:inputs|outputs|workflow|steps|tasks|item|pod|node|cronworkflow|retries|lastRetry)\b[^{}]*)\}\}`)

// argoForms are the forms of a reference to a parameter that the user can give.
var argoForms = []string{"inputs.parameters.%s", "workflow.parameters.%s"}

// draftArgo drafts the pod of one template.
func draftArgo(x *draft) error {
	key := "container"
	if x.value["container"] == nil {
		key = "script"
	}
	workflow, _ := yamledit.At(x.object, x.root()).(map[string]any)
	switch main := mapping(x.value, key); {
	case x.value["containerSet"] != nil:
		return errors.New("a containerSet starts its containers in the order of a graph")
	case main == nil:
		return errNone
	case len(mappings(x.value, "sidecars")) > 0:
		return errors.New("the template has sidecars, which Argo Workflows stops once its container has ended")
	case text(main, "image") == "" && len(mapping(workflow, "templateDefaults")) > 0:
		return errors.New("templateDefaults completes the template")
	}
	if artifacts := mappings(mapping(x.value, "inputs"), "artifacts"); len(artifacts) > 0 {
		return fmt.Errorf("the template gets the artifact %s from elsewhere", text(artifacts[0], "name"))
	}
	if err := onlyMappings(x.value, "initContainers"); err != nil {
		return err
	}
	params := x.argoParameters(workflow)
	main, _ := params.expandAll(x.value[key]).(map[string]any)
	var before []map[string]any
	for _, c := range mappings(x.value, "initContainers") {
		expanded, _ := params.expandAll(c).(map[string]any)
		before = append(before, expanded)
	}
	if err := params.err(); err != nil {
		return err
	}
	x.argoSpec(workflow)
	for i, c := range before {
		x.containers = append(x.containers, draftContainer{without(c, "mirrorVolumeMounts"), []yamledit.Step{{Key: "initContainers"}, {Index: i}}})
	}
	own := without(main, "source")
	own["name"] = cmp.Or(text(x.value, "name"), "main")
	if key == "script" {
		x.addScript(own, "/argo/staging", "script", text(main, "source"))
		add(own, "args", "/argo/staging/script")
	}
	x.containers = append(x.containers, draftContainer{own, []yamledit.Step{{Key: key}}})
	return nil
}

// argoSpec sets the fields of the pod. Those of the template count more than the workflow's.
func (x *draft) argoSpec(workflow map[string]any) {
	for _, key := range []string{"serviceAccountName", "hostAliases", "nodeSelector", "dnsConfig", "dnsPolicy", "hostNetwork"} {
		if v, ok := workflow[key]; ok {
			x.spec[key] = v
		}
		if v, ok := x.value[key]; ok {
			x.spec[key] = v
		}
	}
	x.spec["restartPolicy"], x.spec["automountServiceAccountToken"] = "Never", true // argoexec reports to the API
	if x.value["daemon"] == true {
		x.spec["restartPolicy"] = "Always" // it serves until the workflow ends
	}
	x.spec["securityContext"] = mapping(x.value, "securityContext")
	if x.value["securityContext"] == nil {
		x.inherited = mapping(workflow, "securityContext")
		x.spec["securityContext"] = x.inherited
	}
	own, _ := x.value["volumes"].([]any)
	shared, _ := workflow["volumes"].([]any)
	x.own = len(own)
	x.spec["volumes"] = slices.Concat(own, shared)
	for key, v := range without(mapping(x.value, "metadata"), "name", "namespace") {
		x.meta[key] = v
	}
	if text(x.value, "podSpecPatch") != "" || text(workflow, "podSpecPatch") != "" {
		x.notes = append(x.notes, "podSpecPatch is not applied")
	}
}

// argoParameters returns the values of the template's references: the workflow's arguments, the defaults of the template's
// inputs, and for those without one the arguments of the first call of the template.
func (x *draft) argoParameters(workflow map[string]any) *parameters {
	p := x.parameters(argoReference, argoForms)
	for _, name := range []string{"workflow.name", "pod.name", "node.name"} {
		p.set(name, strings.TrimSuffix(x.name, "-"))
	}
	for _, a := range mappings(mapping(workflow, "arguments"), "parameters") {
		p.set("workflow.parameters."+text(a, "name"), a["value"])
	}
	for _, in := range mappings(mapping(x.value, "inputs"), "parameters") {
		name := "inputs.parameters." + text(in, "name")
		p.set(name, in["default"])
		p.set(name, in["value"])
	}
	for _, out := range mappings(mapping(x.value, "outputs"), "parameters") {
		p.set("outputs.parameters."+text(out, "name")+".path", mapping(out, "valueFrom")["path"])
	}
	for _, out := range mappings(mapping(x.value, "outputs"), "artifacts") {
		p.set("outputs.artifacts."+text(out, "name")+".path", out["path"])
	}
	for _, template := range mappings(workflow, "templates") {
		calls := mappings(mapping(template, "dag"), "tasks")
		groups, _ := template["steps"].([]any)
		for _, group := range groups {
			calls = append(calls, mappings(map[string]any{"parallel": group}, "parallel")...)
		}
		for _, call := range calls {
			if text(call, "template") != text(x.value, "name") {
				continue
			}
			for _, a := range mappings(mapping(call, "arguments"), "parameters") {
				p.setDefault("inputs.parameters."+text(a, "name"), a["value"])
			}
		}
	}
	if text(workflow, "entrypoint") == text(x.value, "name") {
		for _, a := range mappings(mapping(workflow, "arguments"), "parameters") {
			p.setDefault("inputs.parameters."+text(a, "name"), a["value"])
		}
	}
	p.give(x.given)
	return p
}
