package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/yamledit"
)

// tekton is Tekton: the steps of a task are the containers of one pod, which run one after another.
var tekton = &Controller{
	Name: "Tekton", seedList: "steps", draft: draftTekton,
	note: "Tekton starts each step through a wrapper (/tekton/bin/entrypoint), as a child process; here the command is started directly, and workspaces are empty",
}

// tektonReference is a reference that Tekton replaces. $(NAME) without a dot is a variable of Kubernetes.
var tektonReference = regexp.MustCompile(`\$\(((?:params|inputs|outputs|workspaces|results|context|tasks|steps?|credentials|resources)[.\[][^()]*)\)`)

// draftTekton drafts the pod of one task.
func draftTekton(x *draft) error {
	steps := mappings(x.value, "steps")
	template := mapping(x.value, "stepTemplate")
	switch {
	case len(steps) == 0:
		return errNone
	case len(mappings(x.value, "sidecars")) > 0:
		return errors.New("the task has sidecars, which Tekton stops once its steps have ended")
	case len(mapping(mapping(template, "securityContext"), "capabilities")) > 0:
		return errors.New("the stepTemplate sets the capabilities of all steps")
	}
	if err := onlyMappings(x.value, "steps"); err != nil {
		return err
	}
	params := x.tektonParameters()
	own, _ := params.expandAll(x.value["volumes"]).([]any)
	x.own = len(own)
	x.spec["volumes"], x.spec["restartPolicy"] = own, "Never"
	run := mapping(x.object, "spec")
	for _, of := range []map[string]any{mapping(run, "podTemplate"), mapping(mapping(run, "taskRunTemplate"), "podTemplate")} {
		if more, ok := params.expandAll(of["volumes"]).([]any); ok {
			add(x.spec, "volumes", more...)
		}
		if len(without(of, "volumes")) > 0 {
			x.notes = append(x.notes, "of the podTemplate, only the volumes are used")
		}
	}
	seeds := 0
	for i, s := range steps {
		if strings.HasPrefix(text(s, "name"), podspec.SeedPrefix) {
			seeds++
		}
		step, _ := params.expandAll(underTemplate(template, s)).(map[string]any)
		if text(step, "image") == "" {
			return fmt.Errorf("the step %s names no image, but another object", cmp.Or(text(step, "name"), fmt.Sprint(i)))
		}
		x.containers = append(x.containers, draftContainer{x.tektonStep(i-seeds, step), []yamledit.Step{{Key: "steps"}, {Index: i}}})
	}
	return params.err()
}

// tektonStep returns a step as a container. The number counts the steps that no seal added.
func (x *draft) tektonStep(i int, step map[string]any) map[string]any {
	c := without(step, "script", "computeResources", "timeout", "onError", "ref", "params", "results", "when", "workspaces", "stdoutConfig", "stderrConfig")
	if resources := step["computeResources"]; resources != nil {
		c["resources"] = resources
	}
	c["name"] = cmp.Or(text(step, "name"), fmt.Sprintf("unnamed-%d", i))
	if script := text(step, "script"); script != "" {
		if !strings.HasPrefix(script, "#!") {
			script = "#!/bin/sh\nset -e\n" + script
		}
		x.addScript(c, "/tekton/scripts", "script", script)
		c["command"] = []any{"/tekton/scripts/script"}
	}
	for _, folder := range []string{"/workspace", "/tekton/home", "/tekton/results"} {
		x.addFolder(c, "podseal"+strings.ReplaceAll(folder, "/", "-"), folder)
	}
	for _, w := range x.tektonWorkspaces() {
		x.addFolder(c, "podseal-workspace-"+text(w, "name"), workspacePath(w))
	}
	return c
}

// workspacePath returns the folder that steps find a workspace in.
func workspacePath(workspace map[string]any) string {
	if at := text(workspace, "mountPath"); path.IsAbs(at) {
		return path.Clean(at)
	}
	return "/workspace/" + text(workspace, "name")
}

// underTemplate returns a step with what the stepTemplate gives to all steps. The step's own items stand first.
func underTemplate(template, step map[string]any) map[string]any {
	out := without(step)
	for key, v := range template {
		have, ok := out[key]
		switch {
		case !ok:
			out[key] = v
		case key == "env" || key == "volumeMounts":
			by := map[string]string{"env": "name", "volumeMounts": "mountPath"}[key]
			for _, item := range mappings(template, key) {
				if !slices.ContainsFunc(mappings(out, key), func(own map[string]any) bool { return own[by] == item[by] }) {
					add(out, key, item)
				}
			}
		case key == "securityContext":
			merged := without(mapping(template, key))
			if own, ok := have.(map[string]any); ok {
				for k, v := range own {
					merged[k] = v
				}
			}
			out[key] = merged
		}
	}
	return out
}

// tektonForms are the forms of a reference to a parameter.
var tektonForms = []string{"params.%s", `params["%s"]`, "params['%s']", "inputs.params.%s"}

// levels returns the mappings from the object down to the one that the pod is made of.
func (x *draft) levels() []map[string]any {
	var out []map[string]any
	for n := range len(x.at) + 1 {
		if v, ok := yamledit.At(x.object, x.at[:n]).(map[string]any); ok {
			out = append(out, v)
		}
	}
	return out
}

// tektonWorkspaces returns the workspaces of the task, then those of its run or pipeline that it does not declare itself.
func (x *draft) tektonWorkspaces() []map[string]any {
	var out []map[string]any
	for _, level := range slices.Backward(x.levels()) {
		for _, w := range mappings(level, "workspaces") {
			if !slices.ContainsFunc(out, func(have map[string]any) bool { return have["name"] == w["name"] }) {
				out = append(out, w)
			}
		}
	}
	return out
}

// tektonParameters returns the values of the task's references: params of the run, of the pipeline and of its task, and
// the defaults of the task; the paths of workspaces and results.
func (x *draft) tektonParameters() *parameters {
	p := x.parameters(tektonReference, tektonForms)
	set := func(v map[string]any, key string) {
		for _, param := range mappings(v, "params") {
			name := text(param, "name")
			for _, form := range tektonForms {
				if key == "default" {
					p.setDefault(fmt.Sprintf(form, name), param[key])
				} else {
					p.set(fmt.Sprintf(form, name), param[key])
				}
			}
		}
	}
	for _, v := range x.levels() {
		set(v, "value")
		set(v, "default")
	}
	p.give(x.given)
	for _, w := range x.tektonWorkspaces() {
		p.set("workspaces."+text(w, "name")+".path", workspacePath(w))
		p.set("workspaces."+text(w, "name")+".bound", "true")
	}
	for _, r := range mappings(x.value, "results") {
		p.set("results."+text(r, "name")+".path", "/tekton/results/"+text(r, "name"))
	}
	for _, what := range []string{"taskRun", "task", "pipelineRun", "pipeline"} {
		p.set("context."+what+".name", strings.TrimSuffix(x.name, "-"))
		p.set("context."+what+".namespace", "default")
		p.set("context."+what+".uid", "00000000-0000-4000-8000-000000000001")
		p.set("context."+what+".retry-count", "0")
	}
	return p
}
