package finapitest

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// route is an endpoint of the contract.
type route struct {
	method, path string
	token        tokenKind
	gate         gate
	params       params
	handle       func(*Server, *call) (answer, error)
}

// gate names a product that the mandator may not have.
type gate int

const (
	gateNone gate = iota
	gatePFM
)

// host is one of finAPI's two hosts: how it writes faults and what it lets
// through.
type host struct {
	server *Server
	admit  func(*Server, *call) error
	body   func(*refusal, *call) any
}

// mux serves the routes. A known path with another method is answered by 405,
// an unknown one by 404.
func (h host) mux(routes []route) *http.ServeMux {
	paths := map[string]map[string]route{}
	for _, rt := range routes {
		if paths[rt.path] == nil {
			paths[rt.path] = map[string]route{}
		}
		paths[rt.path][rt.method] = rt
	}
	mux := http.NewServeMux()
	for path, methods := range paths {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { h.dispatch(w, r, methods) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { h.refuse(w, r, notFound("Endpoint")) })
	return mux
}

func (h host) dispatch(w http.ResponseWriter, r *http.Request, methods map[string]route) {
	rt, known := methods[r.Method]
	if !known {
		h.refuseMethod(w, r, slices.Sorted(maps.Keys(methods)))
		return
	}
	h.serve(w, r, rt)
}

func (h host) serve(w http.ResponseWriter, r *http.Request, rt route) {
	c, result, err := h.server.perform(r, rt, h)
	h.write(w, c, result, err)
}

// perform runs a handler on the locked store. The answer holds copies, so that
// it can be written without the lock.
func (s *Server) perform(r *http.Request, rt route, h host) (*call, answer, error) {
	s.clock.catchUp()
	c := newCall(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.clock.Now()
	if err := checkHeaders(c); err != nil {
		return c, answer{}, err
	}
	if err := s.authorise(c, rt.token); err != nil {
		return c, answer{}, err
	}
	if err := h.admit(s, c); err != nil && rt.token != tokenNone {
		return c, answer{}, err
	}
	if rt.gate == gatePFM && !s.settings.PFMServices {
		return c, answer{}, forbidden("PFM-Services sind nicht freigeschaltet.", "PFM services are not enabled.")
	}
	var err error
	if c.query, err = rt.params.parse(r.URL.RawQuery); err != nil {
		return c, answer{}, err
	}
	result, err := rt.handle(s, c)
	return c, result, err
}

func newCall(r *http.Request) *call {
	c := &call{r: r, requestID: r.Header.Get("X-Request-Id")}
	if c.requestID == "" {
		c.requestID = "selfgen-" + newUUID()
	}
	c.body, _ = io.ReadAll(io.LimitReader(r.Body, maxBody)) // a body cut off fails to decode
	// German is finAPI's default; Czech and Slovak are not simulated.
	c.english = strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "en")
	return c
}

const maxRequestID = 255

func checkHeaders(c *call) error {
	if len(c.requestID) > maxRequestID {
		c.requestID = "selfgen-" + newUUID()
		return badRequest("Die X-Request-Id ist länger als 255 Zeichen.", "The X-Request-Id is longer than 255 characters.")
	}
	if _, given := c.r.Header["X-Http-Method-Override"]; given {
		// finAPI knows the header. A read-only client must never send it, so
		// the simulator refuses it.
		return badRequest("X-HTTP-Method-Override ist nicht erlaubt.", "X-HTTP-Method-Override is not allowed.")
	}
	return nil
}

// refuse answers a request that reaches no endpoint.
func (h host) refuse(w http.ResponseWriter, r *http.Request, f *refusal) {
	c := newCall(r)
	c.now = h.server.clock.Now()
	h.write(w, c, answer{}, f)
}

func (h host) refuseMethod(w http.ResponseWriter, r *http.Request, methods []string) {
	w.Header().Set("Allow", strings.Join(methods, ", "))
	h.refuse(w, r, &refusal{
		status: http.StatusMethodNotAllowed, code: "METHOD_NOT_ALLOWED",
		de: "Methode nicht erlaubt.", en: "Method not allowed.",
	})
}

func (h host) write(w http.ResponseWriter, c *call, result answer, err error) {
	var f *refusal
	if errors.As(err, &f) {
		result = answer{f.status, h.body(f, c)}
	} else if err != nil {
		f = &refusal{status: http.StatusInternalServerError, code: "UNEXPECTED_ERROR", de: err.Error(), en: err.Error()}
		result = answer{f.status, h.body(f, c)}
	}
	w.Header().Set("X-Request-Id", c.requestID)
	writeJSON(w, c.r, result)
}
