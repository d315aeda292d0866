package pod

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
)

// standInLength is the number of characters of a stand-in's value: what generated passwords have.
const standInLength = 24

// standInFor returns a random value for a key of a missing ConfigMap or Secret: the same one wherever a pod refers to it. ok
// is false where the user asked for no stand-ins.
func (o *Objects) standInFor(kind, namespace, name, key string) (value []byte, ok bool) {
	if len(o.Seed) == 0 {
		return nil, false
	}
	sum := hmac.New(sha256.New, o.Seed)
	fmt.Fprintf(sum, "%q %q %q %q", kind, namespace, name, key)
	text := strings.ToLower(base32.StdEncoding.EncodeToString(sum.Sum(nil)))
	return []byte(text[:standInLength]), true
}

// noteStandIn notes that a random value stands for a key of an object that the input lacks.
func (r *source) noteStandIn(kind, name, key string, containers ...string) {
	r.unsupported.add(fmt.Sprintf("%s %s is not in the input: a random value stands in for its key %s", kind, name, key), containers...)
}

// noteEmpty notes that nothing stands in for an object whose keys the pod does not name.
func (r *source) noteEmpty(kind, name, where string, containers ...string) {
	r.unsupported.add(fmt.Sprintf("%s %s is not in the input, and the pod names none of its keys: %s", kind, name, where), containers...)
}
