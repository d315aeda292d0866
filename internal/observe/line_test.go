package observe_test

import (
	"testing"

	"github.com/podseal/podseal/internal/observe"
)

// TestLineTemplate treats lines that differ in times, addresses and process ids as one.
func TestLineTemplate(t *testing.T) {
	if a, b := observe.LineTemplate("start 12:01 pid 7 at 7ffe0\n"), observe.LineTemplate("start 13:44 pid 12 at 12bc0"); a != b {
		t.Errorf("%q, %q", a, b)
	}
	if observe.LineTemplate("listening on 80") == observe.LineTemplate("retry in 80") {
		t.Error("different lines are taken for one")
	}
}

// TestFirstError finds the line that names the cause in the logs of common platforms, and no line that only speaks of errors.
func TestFirstError(t *testing.T) {
	for log, want := range map[string]string{
		"": "", "ready\nserving\n": "",
		"node:internal/modules/cjs/loader:1215\n  throw err;\n  ^\n\nError: Cannot find module 'x'\n    at y\n": "Error: Cannot find module 'x'",
		"starting\nException in thread \"main\" java.lang.IllegalStateException: no url\n\tat a.B\n":            "Exception in thread \"main\" java.lang.IllegalStateException: no url",
		"java.lang.IllegalStateException: no url\n\tat a.B\nCaused by: java.io.IOException: x\n":                "java.lang.IllegalStateException: no url",
		"panic: no url\n\ngoroutine 1 [running]:\n":                                                             "panic: no url",
		"psycopg2.OperationalError: could not translate host name\n":                                            "psycopg2.OperationalError: could not translate host name",
		"12:00 INFO error pages on\r\n  12:01 FATAL no url\r\n":                                                 "12:01 FATAL no url",
		"level=info msg=\"error handler\"\nlevel=error msg=\"no url\"\n":                                        "level=error msg=\"no url\"",
		"{\"level\":\"info\",\"msg\":\"x error\"}\n":                                                            "",
		"0 errors\nno error\nfailed: 0, passed: 3\nlog level: error\n":                                          "",
		"error_log /dev/stderr\nDNS NOERROR\n":                                                                  "",
		"1\n\x1b[31mERROR\x1b[0m no url\n":                                                                      "\x1b[31mERROR\x1b[0m no url",
		"cannot open /data\nbye\n":                                                                              "cannot open /data",
		"[emerg] host not found in upstream \"app\"\nconfiguration failed\n":                                    "[emerg] host not found in upstream \"app\"",
	} {
		if got := observe.FirstError(log); got != want {
			t.Errorf("%q: %q, want %q", log, got, want)
		}
	}
}
