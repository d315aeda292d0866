package launch

import "testing"

func TestAsksUser(t *testing.T) {
	for script, want := range map[string]bool{
		`[ "$(id -u)" = 0 ] && exec gosu app "$0"`: true,
		"if [ `id -u` -eq 0 ]; then":               true,
		`id -un | grep -q root`:                    true,
		`test "$(id -u 2>/dev/null)" = 0`:          true,
		"uid=$(\n  id -u\n)":                       true,
		`[ "$(id -u -n)" = root ]`:                 true,
		`[ "$EUID" -eq 0 ]`:                        true,
		`[ "$PUID" != "$(id -u app)" ]`:            false,
		`chown "$(id -u "$USER")" /data`:           false,
		`chown $(id -u $USER) /data`:               false,
		`exec gosu app "$@"`:                       false,
	} {
		if got := asksUser.MatchString(script); got != want {
			t.Errorf("%s: %v", script, got)
		}
	}
}
