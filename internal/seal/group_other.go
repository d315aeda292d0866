//go:build !unix

package seal

import "os/exec"

func ownGroup(*exec.Cmd) {}
