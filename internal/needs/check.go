package needs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/target"
)

// hostName matches the names that an engine's resolver knows.
var hostName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9])?$`)

// Check returns an error for services that cannot run together: a name that is no host name, or is the target's own, a
// network of the user's in addition to that of the run, and services that wait for each other.
func Check(t target.Target) error {
	if t.Network != "" && len(t.Needs) > 0 {
		return fmt.Errorf("the target joins network %s and has needs, which run on a network of the run: use one of the two", t.Network)
	}
	_, err := order(t)
	return err
}

// service is one service with the names of those that have to be ready before it starts.
type service struct {
	target.Service
	after []string
}

// order returns the services of a target, each once and after those that it needs.
func order(t target.Target) ([]service, error) {
	o := ordering{alias: t.Alias}
	if _, err := o.add(t.Needs, nil); err != nil {
		return nil, err
	}
	return o.services, nil
}

// ordering collects services, depth first.
type ordering struct {
	alias    string // of the target
	services []service
}

// add adds services that are needed by those in path, and returns their names.
func (o *ordering) add(needs []target.Service, path []string) (names []string, err error) {
	for _, n := range needs {
		switch {
		case !hostName.MatchString(n.Name):
			return nil, fmt.Errorf("need %q: the name is no host name: use letters, digits, - and ., at most 63", n.Name)
		case n.Name == o.alias:
			return nil, fmt.Errorf("need %s: the target itself has this name on the network", n.Name)
		case slices.Contains(path, n.Name):
			return nil, fmt.Errorf("need %s: it needs itself: %s", n.Name, strings.Join(append(path, n.Name), " needs "))
		case slices.Contains(names, n.Name):
			return nil, fmt.Errorf("need %s: the name is used twice", n.Name)
		}
		names = append(names, n.Name)
		after, err := o.add(n.Target.Needs, append(slices.Clone(path), n.Name))
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(o.services, func(s service) bool { return s.Name == n.Name }) {
			o.services = append(o.services, service{Service: n, after: after})
		}
	}
	return names, nil
}

// Targets returns the targets of all services that a target needs, each once.
func Targets(t target.Target) ([]target.Target, error) {
	services, err := order(t)
	var out []target.Target
	for _, s := range services {
		out = append(out, s.Target)
	}
	return out, err
}
