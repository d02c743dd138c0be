package finapi

import (
	"net/url"
	"slices"
	"strings"
)

// maxFormURL is finAPI's advice for the whole URL with its ways back.
const maxFormURL = 2048

// waysBack are the ways from a form back to the ERP: for the customer's browser and
// for finAPI itself.
type waysBack struct {
	// back, callback and support are URLs; "" for none.
	back, callback, support string
	// state makes the state that comes back. The form is "" for the callback, which
	// has to be named before there is a form.
	state func(ConsentID) string
}

// plainState is a state that the ERP has made.
func plainState(state string) func(ConsentID) string {
	return func(ConsentID) string { return state }
}

// check refuses bad URLs, and such that would be too long with all that is added.
func (w waysBack) check(prefix string) error {
	switch {
	case w.callback != "" && !webURL(w.callback, false):
		return invalid(prefix+"Callback", "must be an https URL")
	case w.callback != "" && len(w.callbackURL()) > maxFormURL:
		return invalid(prefix+"Callback", "is too long: with State it must fit into 2048 characters")
	case w.back != "" && !webURL(w.back, true):
		return invalid(prefix+"Return", "must be https, or http on a loopback address")
	case hasQuery(w.back, "outcome"):
		return invalid(prefix+"Return", "must not have a parameter outcome: the form's is added")
	case hasQuery(w.back, "state") && w.state("") != "":
		return invalid(prefix+"Return", "must not have a parameter state if State has one")
	case hasQuery(w.callback, "state") && w.state("") != "":
		return invalid(prefix+"Callback", "must not have a parameter state if State has one")
	case w.support != "" && !webURL(w.support, true):
		return invalid(prefix+"Support", "must be https, or http on a loopback address")
	}
	// The form's own address is not known yet, but is never longer than this.
	const id = "00000000-0000-0000-0000-000000000000"
	if _, err := w.addTo("https://webform-sandbox.finapi.io/wf/"+id, id); err != nil {
		return invalid(prefix+"Return", "is too long: three times with State it must fit into 2048 characters")
	}
	return nil
}

func (w waysBack) callbackURL() string { return addQuery(w.callback, "state", w.state("")) }

// addTo adds the ways back to the form's URL, where finAPI wants them: as its query
// parameters.
func (w waysBack) addTo(form string, id ConsentID) (string, error) {
	if w.back != "" {
		back := addQuery(w.back, "state", w.state(id))
		form = addQuery(form, "redirectUrl", addQuery(back, "outcome", "success"))
		form = addQuery(form, "errorRedirectUrl", addQuery(back, "outcome", "error"))
		form = addQuery(form, "abortRedirectUrl", addQuery(back, "outcome", "abort"))
	}
	form = addQuery(form, "customerSupportUrl", w.support)
	if len(form) >= maxFormURL {
		return "", invalid("Return", "is too long: three times with State it must fit into 2048 characters")
	}
	return form, nil
}

// webURL reports whether a URL is https, or http on this machine if allowed.
func webURL(text string, local bool) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	return u.Scheme == "https" || local && u.Scheme == "http" && loopback(u.Hostname())
}

// hasQuery reports whether a URL has one of the parameters.
func hasQuery(text string, keys ...string) bool {
	u, err := url.Parse(text)
	return err == nil && slices.ContainsFunc(keys, u.Query().Has)
}

// addQuery adds a parameter to a URL that was checked before; "" adds nothing.
func addQuery(to, key, value string) string {
	if value == "" {
		return to
	}
	to, fragment, hasFragment := strings.Cut(to, "#")
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	to += separator + key + "=" + url.QueryEscape(value)
	if hasFragment {
		to += "#" + fragment
	}
	return to
}
