package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/finapi-go/finapi"
)

//go:embed templates/*.html style.css icon.svg
var files embed.FS

// pages are the templates in one language, by name.
type pages map[string]*template.Template

// parsePages reads all templates, once for each language, so that a template calls its
// texts by their keys only.
func parsePages(zone *time.Location) (map[finapi.Language]*pages, error) {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := map[finapi.Language]*pages{}
	for lang := range catalogues {
		one := pages{}
		t := tongue{lang: lang, zone: zone}
		for _, file := range names {
			name := strings.TrimSuffix(path.Base(file), ".html")
			if name == "layout" || name == "parts" {
				continue
			}
			parsed, err := template.New("layout.html").Funcs(t.functions()).
				ParseFS(files, "templates/layout.html", "templates/parts.html", file)
			if err != nil {
				return nil, err
			}
			one[name] = parsed
		}
		all[lang] = &one
	}
	return all, nil
}

// functions are what templates can call.
func (t tongue) functions() template.FuncMap {
	return template.FuncMap{
		"t": t.text, "line": t.line, "money": t.write, "date": t.date, "notice": t.notice, "moment": t.moment, "count": t.count,
		"iban": iban, "masked": maskedIBAN, "next": func(n int) int { return n + 1 }, "previous": func(n int) int { return n - 1 },
	}
}

// page is what every template gets.
type page struct {
	Lang   finapi.Language
	Name   string
	Title  string
	Tenant string
	CSRF   string
	// Here is the path of the page, for the links that switch the language.
	Here string
	// Told is what the customer is told at the top of the page; nil if nothing.
	Told *told
	// Again is after how many seconds the browser loads the page again; 0 for never.
	Again     int
	Simulated bool
	Data      any
}

// reloading is data of a page that loads itself again.
type reloading interface{ again() int }

// show renders a page. The title is the key of a text.
func (a *app) show(v *visit, status int, name, title string, data any) {
	p := &page{Lang: v.lang, Name: name, Title: title, Tenant: v.tenant(), Here: v.here(), Simulated: a.sim != nil, Data: data}
	if v.session != nil {
		p.CSRF = v.session.csrf
	}
	if r, ok := data.(reloading); ok {
		p.Again = r.again()
	}
	if id, err := strconv.ParseInt(v.r.URL.Query().Get("told"), 10, 64); err == nil && p.Tenant != "" {
		if p.Told, err = a.books.recall(v.ctx(), p.Tenant, id); err != nil {
			a.log.WarnContext(v.ctx(), "what was told cannot be read", "error", err)
		}
	}
	var body bytes.Buffer // so that a page is whole or not there
	if err := (*a.pages[v.lang])[name].Execute(&body, p); err != nil {
		a.log.ErrorContext(v.ctx(), "page failed", "page", name, "error", err)
		http.Error(v.w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(v.lang))
	h.Add("Vary", "Accept-Language, Cookie")
	v.w.WriteHeader(status)
	_, _ = body.WriteTo(v.w) // a browser that is gone is no concern
}

// here is the path that shows this page again. The answer to a form has none.
func (v *visit) here() string {
	if v.r.Method == http.MethodPost {
		return "/accounts"
	}
	query := v.r.URL.Query()
	query.Del("lang")
	return pathWith(v.r.URL.Path, query.Encode())
}

// SwitchTo is the link to this page in another language.
func (p *page) SwitchTo(lang string) string {
	mark := "?"
	if strings.Contains(p.Here, "?") {
		mark = "&"
	}
	return p.Here + mark + "lang=" + lang
}

// static serves the style sheet and the icon.
func static(name, kind string) http.HandlerFunc {
	data, err := files.ReadFile(name)
	return func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "max-age=300")
		_, _ = fmt.Fprintf(w, "%s", data)
	}
}
