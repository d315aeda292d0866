package enginetest

import (
	"errors"
	"strings"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/profile"
)

// mountContracts returns the contracts about the mounts of a profile.
func mountContracts() []contract {
	const shell = "-- image --\nf 0755 0:0 /bin/sh\n"
	const seeds = shell + "d 0750 1000:2000 /conf\nf 0640 1000:2000 /conf/main\nf 0444 0:0 /conf/shipped\n" +
		"d 0755 0:0 /secret\nf 0644 0:0 /secret/open\nf 0600 0:0 /secret/key\n"
	return []contract{
		{
			name: "Plain", archive: "-- image --\nd 0700 0:0 /full\nf 0644 0:0 /full/hidden\n-- app --\nstart stat /full\nstart if /full/hidden log : not hidden\n" +
				"start write /full/file\nstart stat /full/file\nstart stat /missing/deep\nstart write /missing/file tolerated\nstart log : ready\n",
			check: checkPlain,
		},
		{name: "Memory", archive: "-- app --\nstart stat /m\nstart write /m/file\nstart log : ready\n", check: checkMemory},
		{name: "Owned", archive: shell + "f 0644 0:0 /data/hidden\n-- app --\nstart stat /data\nstart if /data/hidden log : not hidden\nstart write /data/file\nstart log : ready\n", check: checkOwned},
		{name: "Seeded", archive: seeds + "-- app --\nstart stat /conf\nstart stat /conf/main\nstart write /conf/main\nstart stat /conf/shipped\nstart write /conf/shipped tolerated\nstart log : ready\n", check: checkSeeded},
		{name: "SeedError", archive: seeds + "-- app --\nstart read /secret/open\nstart if /secret/key log : copied\nstart log : ready\n", check: checkSeedError},
		{name: "SeedWithoutShell", archive: "-- image --\nf 0644 0:0 /data/file\n-- app --\nstart log : ready\n", check: checkSeedWithoutShell},
		{name: "UncoveredVolume", archive: "-- image --\nf 0644 0:0 /data/file\n-- config --\nvolume /data\n-- app --\nstart if /data/file log : copied\nstart log : ready\n", check: checkUncoveredVolume},
	}
}

func checkPlain(b *bench) {
	b.wantLogs(b.ready(user(plain("/full"), plain("/missing/deep"))), "app: stat /full: 0777 0:0", "app: stat /full/file: 0644 1000:2000",
		"app: stat /missing/deep: 0777 0:0", "app: write /missing/file: Read-only file system", "ready")
}

func checkMemory(b *bench) {
	b.wantLogs(b.ready(user(profile.Mount{Path: "/m", Kind: profile.Plain, Medium: profile.Memory})), "app: stat /m: 1777 0:0", "ready")
}

func checkOwned(b *bench) {
	m := profile.Mount{Path: "/data", Kind: profile.Owned}
	b.wantLogs(b.ready(user(m)), "app: stat /data: 0755 1000:2000", "ready")
	m.Private = true
	b.wantLogs(b.ready(user(m)), "app: stat /data: 0700 1000:2000", "ready")
}

func checkSeeded(b *bench) {
	m := profile.Mount{Path: "/conf", Kind: profile.Seeded}
	b.wantLogs(b.ready(user(m)), "app: stat /conf: 0750 1000:2000", "app: stat /conf/main: 0640 1000:2000",
		"app: stat /conf/shipped: 0444 1000:2000", "app: write /conf/shipped: Permission denied", "ready")
	m.Rewritable = true
	b.wantLogs(b.ready(user(m)), "app: stat /conf: 0750 1000:2000", "app: stat /conf/main: 0640 1000:2000",
		"app: stat /conf/shipped: 0644 1000:2000", "ready")
}

func checkSeedError(b *bench) {
	m := profile.Mount{Path: "/secret", Kind: profile.Seeded}
	_, err := b.e.Start(b.Context(), b.target(), b.facts, user(m))
	var seed *engine.SeedError
	if !errors.As(err, &seed) || seed.Path != "/secret" || seed.Code == 0 || !strings.Contains(seed.Output, "Permission denied") {
		b.Errorf("Start with an unreadable file in a seed: %v", err)
	}
	m.Partial = true
	b.wantLogs(b.ready(user(m)), "ready")
}

func checkSeedWithoutShell(b *bench) {
	for _, kind := range []profile.MountKind{profile.Seeded, profile.Owned} {
		_, err := b.e.Start(b.Context(), b.target(), b.facts, user(profile.Mount{Path: "/data", Kind: kind}))
		if seed := new(engine.SeedError); !errors.As(err, &seed) || seed.Path != "/data" {
			b.Errorf("Start with a mount of the kind %s in an image without a shell: %v", kind, err)
		}
	}
}

func checkUncoveredVolume(b *bench) {
	b.wantLogs(b.ready(profile.Unrestricted()), "copied", "ready")
	b.wantLogs(b.ready(user(plain("/data"))), "ready")
	c, err := b.e.Start(b.Context(), b.target(), b.facts, user())
	if err == nil {
		_ = c.Remove(b.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "VOLUME /data") {
		b.Errorf("Start without a mount at a VOLUME: %v", err)
	}
}
