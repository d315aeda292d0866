package engines

import (
	"errors"
	"testing"
)

func TestWithLeft(t *testing.T) {
	run, left := errors.New("the run failed"), errors.New("volume x is in use")
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "volume x is in use; `podseal gc` removes the rest"},
		{run, "the run failed; volume x is in use; `podseal gc` removes the rest"},
	} {
		got := WithLeft(c.err, left)
		if of := new(LeftError); !errors.As(got, &of) || got.Error() != c.want || c.err != nil && !errors.Is(got, c.err) {
			t.Errorf("%v", got)
		}
	}
}
