package finapitest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/finapitest"
)

// client speaks to a simulator as an SDK would, with nothing but net/http.
type client struct {
	t     *testing.T
	sim   *finapitest.Server
	token string
	http  *http.Client
}

func newClient(t *testing.T, sim *finapitest.Server) *client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, sim: sim, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// on returns the same client for a subtest.
func (c *client) on(t *testing.T) *client {
	t.Helper()
	other := *c
	other.t = t
	return &other
}

type object = map[string]any

// reply is an answer whose body was read.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	raw    []byte
}

// json decodes the body, with numbers kept as they were written.
func (r reply) json() object {
	r.t.Helper()
	var v object
	dec := json.NewDecoder(bytes.NewReader(r.raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		r.t.Fatalf("body %q: %v", r.raw, err)
	}
	return v
}

func (r reply) want(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d; body %s", r.status, status, r.raw)
	}
	return r
}

// code is the code of an error in any of the shapes.
func (r reply) code() string {
	r.t.Helper()
	v := r.json()
	if list, ok := v["errors"].([]any); ok {
		first := list[0].(object)
		if f, ok := first["field"].(string); ok {
			return f
		}
		return first["code"].(string)
	}
	if code, ok := v["code"].(string); ok {
		return code
	}
	s, _ := v["error"].(string)
	return s
}

func (c *client) send(req *http.Request) reply {
	c.t.Helper()
	if c.token != "" && req.Header.Get("Authorization") == "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply{c.t, resp.StatusCode, resp.Header, raw}
}

func (c *client) request(method, address string, body any) *http.Request {
	c.t.Helper()
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, address, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// access and forms send to the one host and the other.
func (c *client) access(method, path string, body any) reply {
	c.t.Helper()
	return c.send(c.request(method, c.sim.AccessURL()+path, body))
}

func (c *client) forms(method, path string, body any) reply {
	c.t.Helper()
	return c.send(c.request(method, c.sim.WebFormURL()+path, body))
}

func (c *client) postForm(address string, form url.Values) reply {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.send(req)
}

// grant asks the token endpoint with the client's credentials added.
func (c *client) grant(form map[string]string) reply {
	c.t.Helper()
	values := url.Values{"client_id": {c.sim.ClientID()}, "client_secret": {c.sim.ClientSecret()}}
	for k, v := range form {
		values.Set(k, v)
	}
	plain := *c
	plain.token = ""
	return plain.postForm(c.sim.AccessURL()+"/api/v2/oauth/token", values)
}

// vendor returns a client with the client token.
func vendor(t *testing.T, sim *finapitest.Server) *client {
	t.Helper()
	c := newClient(t, sim)
	c.token = c.grant(map[string]string{"grant_type": "client_credentials"}).want(200).json()["access_token"].(string)
	return c
}

// customer creates a user and returns a client with the user's token.
func customer(t *testing.T, sim *finapitest.Server, id string) *client {
	t.Helper()
	vendor(t, sim).access("POST", "/api/v2/users", object{"id": id, "password": "geheim-" + id}).want(201)
	return login(t, sim, id)
}

func login(t *testing.T, sim *finapitest.Server, id string) *client {
	t.Helper()
	c := newClient(t, sim)
	c.token = c.grant(map[string]string{"grant_type": "password", "username": id, "password": "geheim-" + id}).
		want(200).json()["access_token"].(string)
	return c
}

// startForm creates an import form and returns its id and link.
func (c *client) startForm(body object) (id, link string) {
	c.t.Helper()
	form := c.forms("POST", "/api/webForms/bankConnectionImport", body).want(201).json()
	return form["id"].(string), form["url"].(string)
}

// connect imports the accounts at a bank and waits until they are there.
func (c *client) connect(bankID int64) (connection string) {
	c.t.Helper()
	id, link := c.startForm(object{"bank": object{"id": bankID}})
	if err := c.sim.Approve(link); err != nil {
		c.t.Fatal(err)
	}
	payload := c.forms("GET", "/api/webForms/"+id, nil).want(200).json()["payload"].(object)
	connection = payload["bankConnectionId"].(json.Number).String()
	c.ready(connection)
	return connection
}

// ready polls until a connection is idle, on the simulator's clock.
func (c *client) ready(connection string) {
	c.t.Helper()
	for range 100 {
		if c.access("GET", "/api/v2/bankConnections/"+connection, nil).want(200).json()["updateStatus"] == "READY" {
			return
		}
		if err := c.sim.Clock().Sleep(c.t.Context(), time.Second); err != nil {
			c.t.Fatal(err)
		}
	}
	c.t.Fatal("connection does not become ready")
}

// update runs a background update to its final status.
func (c *client) update(connection string, more object) object {
	c.t.Helper()
	body := object{"bankConnectionId": json.Number(connection), "importNewAccountsMode": "SKIP"}
	maps.Copy(body, more)
	id := c.forms("POST", "/api/tasks/backgroundUpdate", body).want(201).json()["id"].(string)
	for range 100 {
		task := c.forms("GET", "/api/tasks/"+id, nil).want(200).json()
		if s := task["status"]; s != "NOT_YET_STARTED" && s != "IN_PROGRESS" {
			return task
		}
		c.sim.Clock().Advance(time.Second)
	}
	c.t.Fatal("task does not end")
	return nil
}

// accounts lists the user's accounts.
func (c *client) accounts() []object {
	c.t.Helper()
	return objects(c.access("GET", "/api/v2/accounts", nil).want(200).json()["accounts"])
}

// transactions reads all pages of a query.
func (c *client) transactions(query string) []object {
	c.t.Helper()
	var rows []object
	for page := json.Number("1"); ; {
		v := c.access("GET", "/api/v2/transactions?view=bankView&perPage=500&page="+page.String()+query, nil).want(200).json()
		rows = append(rows, objects(v["transactions"])...)
		p := v["paging"].(object)
		n, _ := page.Int64()
		if count, _ := p["pageCount"].(json.Number).Int64(); n >= count {
			return rows
		}
		page = json.Number(decimal.NewFromInt(n + 1).String())
	}
}

func objects(list any) []object {
	var all []object
	for _, v := range list.([]any) {
		all = append(all, v.(object))
	}
	return all
}

// amountOf reads an exact amount out of a JSON number.
func amountOf(t *testing.T, v any) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(v.(json.Number).String())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func idOf(t *testing.T, v any) int64 {
	t.Helper()
	n, err := v.(json.Number).Int64()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func jsonNumber(s string) json.Number { return json.Number(s) }

func jsonString(v any) string { return v.(json.Number).String() }
