//go:build engine

package htmlpage

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser starts Chromium. Without one the test fails in CI, and is skipped elsewhere.
func browser(t *testing.T) context.Context {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no Chromium: scripts/tools.sh installs it")
		}
		t.Skip("there is no Chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(program), chromedp.WindowSize(1280, 900), chromedp.WSURLReadTimeout(2*time.Minute))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with one
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// complaints collects everything that a page must not do: errors, console messages, requests.
func complaints(ctx context.Context, own string) (list func() []string) {
	var mu sync.Mutex
	var all []string
	add := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, fmt.Sprintf(format, args...))
	}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			add("exception: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			add("console: %s %v", e.Type, e.Args)
		case *cdplog.EventEntryAdded:
			add("log: %s %s", e.Entry.Level, e.Entry.Text)
		case *network.EventRequestWillBeSent:
			if e.Request.URL != own {
				add("request: %s", e.Request.URL)
			}
		}
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

// evaluate runs an expression in the page.
func evaluate[T any](t *testing.T, ctx context.Context, expression string) (out T) { //nolint:revive // the test is first everywhere
	t.Helper()
	if err := chromedp.Run(ctx, chromedp.Evaluate(expression, &out)); err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return out
}

func press(t *testing.T, ctx context.Context, keys ...string) { //nolint:revive // the test is first everywhere
	t.Helper()
	for _, k := range keys {
		if err := chromedp.Run(ctx, chromedp.KeyEvent(k)); err != nil {
			t.Fatalf("key %q: %v", k, err)
		}
	}
}

// TestInABrowser reads the page of a real run in Chromium with the keyboard alone, in light and dark, and prints it. The
// screenshots are written to a folder that the test logs, or to the one of PODSEAL_SCREENSHOTS.
func TestInABrowser(t *testing.T) {
	ctx := browser(t)
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(rendered(t, realRun(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	own := "file://" + file
	list := complaints(ctx, own)
	if err := chromedp.Run(ctx, network.Enable(), cdplog.Enable(), chromedp.Navigate(own), chromedp.WaitReady("footer")); err != nil {
		t.Fatal(err)
	}
	t.Run("keyboard", func(t *testing.T) { walk(t, ctx) })
	t.Run("filter", func(t *testing.T) { filter(t, ctx) })
	shots := os.Getenv("PODSEAL_SCREENSHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) { look(t, ctx, scheme, shots) })
	}
	t.Run("print", func(t *testing.T) {
		err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) error {
			pdf, _, err := page.PrintToPDF().WithPrintBackground(true).Do(ctx)
			if err == nil && !strings.HasPrefix(string(pdf), "%PDF") {
				err = fmt.Errorf("no PDF")
			}
			return err
		}))
		if err != nil {
			t.Error(err)
		}
	})
	if found := list(); len(found) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(found, "\n"))
	}
	t.Run("without JavaScript", func(t *testing.T) { plainReading(t, ctx, own) })
}

// walk goes through the page by keys.
func walk(t *testing.T, ctx context.Context) { //nolint:revive // the test is first everywhere
	press(t, ctx, kb.Tab)
	if got := evaluate[string](t, ctx, `document.activeElement.className`); got != "skip" {
		t.Errorf("the first stop is %q, not the link that skips", got)
	}
	press(t, ctx, kb.Enter)
	if got := evaluate[string](t, ctx, `location.hash`); got != "#content" {
		t.Errorf("the link that skips leads to %q", got)
	}
	stops := evaluate[int](t, ctx, `document.querySelectorAll("main h1, main h2").length`)
	reached := map[string]bool{}
	for range stops {
		press(t, ctx, "j")
		reached[evaluate[string](t, ctx, `document.activeElement.id`)] = true
	}
	if len(reached) != stops {
		t.Errorf("j reaches %d of %d headings", len(reached), stops)
	}
	press(t, ctx, "k")
	if got := evaluate[int](t, ctx, `Array.from(document.querySelectorAll("main h1, main h2")).indexOf(document.activeElement)`); got != stops-2 {
		t.Errorf("k leads from heading %d to %d", stops-1, got)
	}
	open := `document.querySelectorAll("details[open]").length`
	total := evaluate[int](t, ctx, `document.querySelectorAll("details").length`)
	press(t, ctx, "o")
	if got := evaluate[int](t, ctx, open); got != total || total == 0 {
		t.Errorf("o opens %d of %d", got, total)
	}
	press(t, ctx, "o")
	if got := evaluate[int](t, ctx, open); got != 0 {
		t.Errorf("o leaves %d open", got)
	}
	evaluate[bool](t, ctx, `(document.querySelector(".run summary").focus(), true)`)
	press(t, ctx, kb.Enter)
	if got := evaluate[string](t, ctx, `document.querySelector("details[open] .output code").innerText`); !strings.Contains(got, "curl") {
		t.Errorf("the open run shows %q", got)
	}
	if hidden := evaluate[int](t, ctx, `Array.from(document.querySelectorAll("a, summary, input, pre")).filter(e => e.tabIndex < 0).length`); hidden > 0 {
		t.Errorf("the keyboard does not reach %d elements", hidden)
	}
}

func filter(t *testing.T, ctx context.Context) { //nolint:revive // the test is first everywhere
	articles := `Array.from(document.querySelectorAll("article")).filter(e => e.offsetParent !== null).length`
	all := evaluate[int](t, ctx, articles)
	slash := input.DispatchKeyEvent(input.KeyRawDown).WithKey("/") // KeyEvent would type it although the page handles it
	if err := chromedp.Run(ctx, slash); err != nil {
		t.Fatal(err)
	}
	press(t, ctx, "c", "a", "r", "t")
	if got := evaluate[int](t, ctx, articles); got != 1 || all < 2 {
		t.Errorf("the filter shows %d of %d targets", got, all)
	}
	press(t, ctx, kb.Escape)
	if got := evaluate[int](t, ctx, articles); got != all {
		t.Errorf("without the filter there are %d of %d targets", got, all)
	}
}

// contrasts returns the texts whose contrast with their background is too low for WCAG 2.1, level AA.
const contrasts = `(() => {
  const parse = c => c.match(/[\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const out = [];
  const walker = document.createTreeWalker(document.querySelector("body"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, e = node.parentElement;
    if (!node.data.trim() || !e.checkVisibility() || ["SCRIPT", "STYLE"].includes(e.tagName)) continue;
    let at = e, back = [255, 255, 255];
    for (; at; at = at.parentElement) {
      const c = parse(getComputedStyle(at).backgroundColor);
      if (c.length < 4 || c[3] === 1) { back = c.slice(0, 3); break; }
    }
    const style = getComputedStyle(e);
    const ink = parse(e.tagName === "text" ? style.fill : style.color).slice(0, 3);
    const [a, b] = [light(ink), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) out.push(ratio.toFixed(2) + ": " + node.data.trim().slice(0, 40));
  }
  return out;
})()`

// look checks one colour scheme at two widths, and takes screenshots.
func look(t *testing.T, ctx context.Context, scheme, shots string) { //nolint:revive // the test is first everywhere
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
	if err := chromedp.Run(ctx, emulation.SetEmulatedMedia().WithFeatures(features)); err != nil {
		t.Fatal(err)
	}
	dark := evaluate[bool](t, ctx, `parseInt(getComputedStyle(document.body).backgroundColor.slice(4)) < 128`)
	if dark != (scheme == "dark") {
		t.Errorf("the page is dark: %v", dark)
	}
	for _, width := range []int64{1280, 480} {
		var shot []byte
		if err := chromedp.Run(ctx, chromedp.EmulateViewport(width, 900), chromedp.FullScreenshot(&shot, 100)); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(shots, fmt.Sprintf("%s-%d.png", scheme, width))
		if err := os.WriteFile(name, shot, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Logf("screenshot: %s", name)
		if wide := evaluate[int](t, ctx, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
			t.Errorf("at %d the page is %d too wide", width, wide)
		}
	}
	if low := evaluate[[]string](t, ctx, contrasts); len(low) > 0 {
		t.Errorf("low contrast:\n%s", strings.Join(low, "\n"))
	}
}

// plainReading loads the page with scripts forbidden: all texts are shown, and nothing that only a script serves.
func plainReading(t *testing.T, ctx context.Context, own string) { //nolint:revive // the test is first everywhere
	if err := chromedp.Run(ctx, emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(own), chromedp.WaitReady("footer")); err != nil {
		t.Fatal(err)
	}
	var text string
	if err := chromedp.Run(ctx, chromedp.Text("body", &text)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sealed with exceptions", "/var/cache/nginx", "Not exercised", "looking for the cart"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(text, "next and previous section") {
		t.Error("the page offers keys that do nothing")
	}
}
