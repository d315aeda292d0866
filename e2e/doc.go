// Package e2e tests podseal as a user runs it: the binary as a subprocess, real applications in a real engine, and every
// manifest proved a second time by code that shares nothing with podseal (see replay).
package e2e
