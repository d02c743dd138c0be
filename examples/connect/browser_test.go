package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// noBrowser is what the tests say when they did not run.
const noBrowser = "NO BROWSER: the browser tests did not run; install Debian's package chromium"

// chromium finds the browser. Where FINAPI_REQUIRE_BROWSER is set, none is a failure.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("FINAPI_REQUIRE_BROWSER") != "" {
		t.Fatal(noBrowser)
	}
	t.Skip(noBrowser)
	return ""
}

// browser is a real browser in which a customer uses the application.
type browser struct {
	t    *testing.T
	ctx  context.Context //nolint:containedctx // a tab is a context in chromedp
	app  *app
	lang finapi.Language
	// width is that of the window.
	width int64
	// shots is where screenshots go, under names that begin with shot.
	shots, shot string
}

// openBrowser starts the application and a browser of a width, in a language.
func openBrowser(t *testing.T, width int, lang finapi.Language, simulation ...finapitest.Option) *browser {
	t.Helper()
	path := chromium(t)
	return openBrowserAt(t, path, startApp(t, simulation...), width, lang)
}

// openBrowserAt opens a browser on an application.
func openBrowserAt(t *testing.T, path string, a *app, width int, lang finapi.Language) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("lang", string(lang)),
		chromedp.Flag("accept-lang", string(lang)), chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	// The browser outlives the test's context, so that it can be closed in order.
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	complaints := &complaints{}
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithListener(complaints.hear))
	t.Cleanup(func() {
		cancel()
		complaints.report(t)
	})
	b := &browser{t: t, ctx: ctx, app: a, lang: lang, width: int64(width), shots: os.Getenv("FINAPI_SCREENSHOTS")}
	b.shot = strings.NewReplacer("TestInABrowser", "", "/", "-").Replace(t.Name())
	if b.shots == "" {
		b.shots = t.TempDir()
	}
	if err := os.MkdirAll(b.shots, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(int64(width), 900)); err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	b.open("/")
	return b
}

// complaints are what the browser says of a page: that its own policy forbids something
// that it does, for example.
type complaints struct {
	mu   sync.Mutex
	said []string
}

func (c *complaints) hear(event any) {
	added, ok := event.(*log.EventEntryAdded)
	if !ok || added.Entry.Source != log.EntrySourceSecurity {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, added.Entry.URL+": "+added.Entry.Text)
}

func (c *complaints) report(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range c.said {
		t.Errorf("the browser complains: %s", text)
	}
}

// patience is how long a page may take. Nothing waits that long unless it is broken.
const patience = time.Minute

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.read())
	}
}

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

func (b *browser) open(path string) *browser {
	b.t.Helper()
	b.do("open "+path, chromedp.Navigate(b.app.site.origin+path))
	return b
}

// press clicks what a selector finds, and waits until the page that comes of it shows
// a text.
func (b *browser) press(selector, then string) *browser {
	b.t.Helper()
	b.do("press "+selector, click(selector))
	return b.sees(then)
}

// write fills a field.
func (b *browser) write(selector, text string) *browser {
	b.t.Helper()
	b.do("write into "+selector, chromedp.SetValue(chromedp.CSS(selector), text))
	return b
}

// evaluate returns what a script says. The pages have none of their own.
func evaluate[T any](b *browser, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return value
}

// sees waits until the page shows a text.
func (b *browser) sees(text string) *browser {
	b.t.Helper()
	return b.waitFor(`document.body.innerText.includes(` + strconv.Quote(text) + `)`)
}

// waitFor waits until a page is loaded for which a condition holds.
func (b *browser) waitFor(condition string) *browser {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	script := `document.readyState === "complete" && !!(` + condition + `)`
	for {
		// While the browser goes from page to page, there is none to ask.
		if there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script)); err == nil && there {
			return b
		}
		if err := finapi.SystemClock().Sleep(ctx, 20*time.Millisecond); errors.Is(err, context.DeadlineExceeded) {
			b.t.Fatalf("the page never has %s, but:\n%s", condition, b.read())
		}
	}
}

// seesNot fails the test if the page shows a text.
func (b *browser) seesNot(text string) *browser {
	b.t.Helper()
	if strings.Contains(b.read(), text) {
		b.t.Errorf("the page should not say %q:\n%s", text, b.read())
	}
	return b
}

// read is what the browser shows.
func (b *browser) read() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

// shoot keeps a picture of the whole page.
func (b *browser) shoot(name string) *browser {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatalf("screenshot %s: %v", name, err)
	}
	if err := os.WriteFile(filepath.Join(b.shots, b.shot+"-"+name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return b
}

// page looks at a page of the application as a whole: a picture is kept, it must fit and
// must be accessible.
func (b *browser) page(name string) *browser {
	b.t.Helper()
	return b.shoot(name).fits().accessible()
}

// accessible fails the test if the page lacks what people need who do not see it.
func (b *browser) accessible() *browser {
	b.t.Helper()
	for _, problem := range evaluate[[]string](b, audit) {
		b.t.Errorf("%s: %s", evaluate[string](b, "location.pathname"), problem)
	}
	return b
}

// audit lists what is wrong with a page.
const audit = `(() => {
	const wrong = [], all = (s) => [...document.querySelectorAll(s)];
	if (all("h1").length !== 1) wrong.push("it has " + all("h1").length + " main headings");
	if (all("main").length !== 1) wrong.push("it has no main part");
	if (!document.documentElement.lang) wrong.push("it does not say its language");
	if (!document.title) wrong.push("it has no title");
	const ids = all("[id]").map((e) => e.id);
	ids.filter((id, i) => ids.indexOf(id) !== i).forEach((id) => wrong.push("the id " + id + " is there twice"));
	all("input:not([type=hidden]), select").forEach((e) => { if (!e.labels.length) wrong.push("the field " + e.name + " has no label"); });
	all("a, button, summary").forEach((e) => { if (!e.textContent.trim()) wrong.push("a link or button has no text"); });
	all("table").forEach((e) => { if (!e.caption) wrong.push("a table has no caption"); });
	all("th").forEach((e) => { if (!e.scope) wrong.push("a heading of a table has no scope"); });
	all("[aria-labelledby], [aria-describedby]").forEach((e) => (e.getAttribute("aria-labelledby") || e.getAttribute("aria-describedby"))
		.split(" ").forEach((id) => { if (!document.getElementById(id)) wrong.push("nothing has the id " + id); }));
	let level = 0;
	all("h1, h2, h3").forEach((e) => { const l = +e.tagName[1]; if (l > level + 1) wrong.push("the heading " + e.textContent + " skips a level"); level = l; });
	all("a, button, input:not([type=hidden]), select, summary").forEach((e) => {
		const r = e.getBoundingClientRect();
		if (r.width && r.height < 18 && !e.closest("p, li, td, th, label")) wrong.push("the control " + e.textContent + " is too low to be hit");
	});
	return wrong;
})()`

// narrowest is the width of the smallest phones.
const narrowest = 320

// fits fails the test if the page is wider than the browser, and on a phone also than
// the smallest one.
func (b *browser) fits() *browser {
	b.t.Helper()
	if b.width < 400 {
		b.do("narrow the window", chromedp.EmulateViewport(narrowest, 900))
		defer b.do("widen the window", chromedp.EmulateViewport(b.width, 900))
	}
	if over := evaluate[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		b.t.Errorf("%s is %d pixels wider than the browser", evaluate[string](b, "location.pathname"), over)
	}
	return b
}
