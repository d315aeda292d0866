package profile

import (
	"cmp"
	"maps"
	"slices"
)

// Union returns the profile that allows what p or q allows, with the user of p. Of a mount that both have, the kind counts that
// holds more. Where both set one value, such as the working directory, that of p counts. Neither may be the unrestricted one.
func (p Profile) Union(q Profile) Profile {
	for _, m := range q.Mounts {
		if own, ok := p.Mount(m.Path); ok {
			m = own.union(m)
		}
		p = p.WithMount(m)
	}
	p.User.Groups = slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.User.Groups, q.User.Groups))))
	p.WorkingDir = cmp.Or(p.WorkingDir, q.WorkingDir)
	for _, name := range slices.Sorted(maps.Keys(q.Env)) {
		if _, set := p.Env[name]; !set {
			p = p.WithEnv(name, q.Env[name])
		}
	}
	for _, c := range q.AddCapabilities {
		p = p.WithCapability(c)
	}
	p.LowPorts, p.Ping = p.LowPorts || q.LowPorts, p.Ping || q.Ping
	p.FSGroup = cmp.Or(p.FSGroup, q.FSGroup)
	p.Seeding.Image = cmp.Or(p.Seeding.Image, q.Seeding.Image)
	p.Seeding.ImageVolume = p.Seeding.ImageVolume || q.Seeding.ImageVolume
	p.WritableRoot = p.WritableRoot || q.WritableRoot
	p.AllowPrivilegeEscalation = p.AllowPrivilegeEscalation || q.AllowPrivilegeEscalation
	return p
}

// kindOrder lists the kinds of mounts, each with more in it than those before.
var kindOrder = []MountKind{Plain, Owned, Seeded}

// union returns the mount that serves where m or n does.
func (m Mount) union(n Mount) Mount {
	if slices.Index(kindOrder, n.Kind) > slices.Index(kindOrder, m.Kind) {
		m.Kind = n.Kind
	}
	m.Medium = cmp.Or(m.Medium, n.Medium)
	m.Volume = m.Volume || n.Volume
	m.Rewritable, m.Partial, m.Private = m.Rewritable || n.Rewritable, m.Partial || n.Partial, m.Private || n.Private
	m.SizeLimit = max(m.SizeLimit, n.SizeLimit)
	return m
}
