package composefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Service is one service of a Compose file, as far as it runs in a separate container.
type Service struct {
	Name       string
	Image      string // that docker compose builds, where the file names none
	Built      bool   // the file says how to build the image
	Env        map[string]*string
	Entrypoint []string
	Args       []string
	User       string
	Workdir    string
	Ports      []int    // TCP
	Needs      []string // the services that it depends on, sorted
	// Completes is set for a service that another one waits for until it has exited with status 0.
	Completes bool
	// Volumes is set for a service with volumes, configs or secrets, which only its pod has.
	Volumes bool
}

// Services returns some services and those that they depend on, each after those. No names mean all services.
func (p *Project) Services(names ...string) ([]Service, error) {
	wanted := map[string]bool{}
	var want func(name string)
	want = func(name string) {
		if !wanted[name] {
			wanted[name] = true
			for _, needed := range p.needs(name) {
				want(needed)
			}
		}
	}
	for _, name := range names {
		if _, ok := p.project.Services[name]; !ok {
			return nil, fmt.Errorf("the Compose file %s has no service %s: it has %s", p.name, name, strings.Join(serviceNames(p.project), ", "))
		}
		want(name)
	}
	var out []Service
	for _, name := range serviceNames(p.project) {
		if len(names) == 0 || wanted[name] {
			out = append(out, p.service(name))
		}
	}
	return out, nil
}

// Pod returns the manifest of a pod with one service, which has its name.
func (p *Project) Pod(service string) (manifest []byte, notes []string, err error) {
	return p.convert(service, []string{service})
}

// needs returns the services that a service depends on, sorted.
func (p *Project) needs(name string) []string {
	var out []string
	for _, needed := range slices.Sorted(slices.Values(p.project.Services[name].GetDependencies())) {
		if _, ok := p.project.Services[needed]; ok {
			out = append(out, needed)
		}
	}
	return out
}

func (p *Project) service(name string) Service {
	s := p.project.Services[name]
	out := Service{
		Name: name, Image: imageOf(p.project, s), Built: s.Build != nil, Env: s.Environment, Entrypoint: s.Entrypoint, Args: s.Command,
		User: s.User, Workdir: s.WorkingDir, Needs: p.needs(name), Volumes: len(s.Volumes)+len(s.Configs)+len(s.Secrets)+len(s.Tmpfs) > 0,
	}
	for _, port := range s.Ports {
		if (port.Protocol == "" || port.Protocol == "tcp") && !slices.Contains(out.Ports, int(port.Target)) {
			out.Ports = append(out.Ports, int(port.Target))
		}
	}
	for _, other := range p.project.Services {
		out.Completes = out.Completes || other.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully
	}
	return out
}

// imageOf returns the image of a service: the one that docker compose builds, where the file names none.
func imageOf(p *types.Project, s types.ServiceConfig) string {
	if s.Image != "" {
		return s.Image
	}
	return p.Name + "-" + s.Name
}
