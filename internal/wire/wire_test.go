package wire_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/internal/wire"
)

type color string

// shape has a field of each kind.
type shape struct {
	Name  string  `json:"name"`
	Color color   `json:"color"`
	Count int64   `json:"count"`
	On    bool    `json:"on"`
	List  []int64 `json:"list"`
	Inner *inner  `json:"inner"`
}

type inner struct {
	Name string `json:"name"`
}

var shapeObject = wire.NewObject(
	wire.Text("name", func(s *shape) *string { return &s.Name }),
	wire.Text("color", func(s *shape) *color { return &s.Color }),
	wire.Int("count", func(s *shape) *int64 { return &s.Count }),
	wire.Bool("on", func(s *shape) *bool { return &s.On }),
	wire.Value("list", func(r *wire.Reader, s *shape) {
		s.List = wire.Array(r, 8, func(r *wire.Reader, n *int64) { *n = r.Int() })
	}),
	wire.Value("inner", func(r *wire.Reader, s *shape) {
		s.Inner = new(inner)
		innerObject.Read(r, s.Inner)
	}),
	wire.Ignored[shape]("noise"),
)

var innerObject = wire.NewObject(wire.Text("name", func(s *inner) *string { return &s.Name }))

// read reports whether a document was accepted, and holds the Reader to its promise: what
// it accepts, encoding/json accepts with the same result.
func read(t *testing.T, document string) (shape, bool) {
	t.Helper()
	var got, want shape
	r := wire.NewReader([]byte(document))
	shapeObject.Read(r, &got)
	if !r.Accepted() {
		return shape{}, false
	}
	if err := json.Unmarshal([]byte(document), &want); err != nil {
		t.Fatalf("accepted, but encoding/json says: %v\n%s", err, document)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the results differ (-encoding/json +Reader):\n%s", diff)
	}
	return got, true
}

func TestAReaderAcceptsWhatIsPlainAndDeclinesWhatIsOdd(t *testing.T) {
	t.Parallel()
	cases := []struct {
		document string
		accepted bool
	}{
		{`{"name":"a","color":"red","count":-7,"on":true,"list":[1,2,3],"inner":{"name":"b"},"noise":1e9}`, true},
		{" {\t\"on\" : false ,\r\n\"name\" : \"x\" } ", true},
		{`{"later":[{},[],"\u00ff",-0.5E-7,true,false,null],"count":0}`, true},
		{`{"name":null,"list":null,"inner":null,"count":null,"on":null}`, true},
		{`{"noise":{"name":"x","name":"y"},"later":{"a":1,"a":2}}`, true},
		{"{\"later\":\"\xff\"}", true},
		{`{}`, true},
		{`{"count":1.0}`, false},
		{`{"count":1e1}`, false},
		{`{"count":9223372036854775807}`, false},
		{`{"count":-}`, false},
		{`{"list":[1,]}`, false},
		{`{"list":[,1]}`, false},
		{`{"list":[1 2]}`, false},
		{`{"on":true1}`, false},
		{`{"on":t}`, false},
		{`{"noise":1e}`, false},
		{`{"noise":"\ud83d"}`, false},
		{`{"noise":nul}`, false},
		{`{"noise":1,"noise":2}`, false},
		{`{"NAME":"x"}`, false},
		{`{"name":"x"`, false},
		{`{"name" "x"}`, false},
		{`{name:"x"}`, false},
		{`{"name":"x"}}`, false},
		{`{"inner":"x"}`, false},
		{`{"later":` + strings.Repeat(`{"a":`, 70) + `1` + strings.Repeat(`}`, 70) + `}`, false},
		{`"x"`, false},
		{``, false},
	}
	for _, tt := range cases {
		if _, accepted := read(t, tt.document); accepted != tt.accepted {
			t.Errorf("accepted %t, want %t: %s", accepted, tt.accepted, tt.document)
		}
	}
}

func TestTextsAreTheirOwnWhenTheBodyIsUsedAgain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long", 1000)
	body := []byte(`{"name":"` + long + `","color":"red","inner":{"name":"a\tb"}}`)
	var got shape
	r := wire.NewReader(body)
	shapeObject.Read(r, &got)
	clear(body)
	if got.Name != long || got.Color != "red" || got.Inner.Name != "a\tb" {
		t.Errorf("the texts changed with the body: %+v", got)
	}
}

func TestAShortTextKeepsLittleElseAlive(t *testing.T) { // not parallel: it looks at the heap
	const rows, texts = 64, 100 // of a thousand bytes each row, of which one text is kept
	kept := make([]string, rows)
	before := heap()
	for i := range kept {
		document := `[` + strings.Repeat(`"0123456789",`, texts) + `"last"]`
		r := wire.NewReader([]byte(document))
		all := wire.Array(r, texts, func(r *wire.Reader, s *string) { *s = r.Text() })
		kept[i] = all[len(all)-1]
	}
	if grown := heap() - before; grown > rows*(8<<10) {
		t.Errorf("%d texts of 4 bytes keep %d bytes alive", rows, grown)
	}
	runtime.KeepAlive(kept)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestATableOfMoreFieldsThanItCanTellApartDeclines(t *testing.T) {
	t.Parallel()
	fields := make([]wire.Field[shape], 65)
	for i := range fields {
		fields[i] = wire.Ignored[shape](strings.Repeat("x", i+1))
	}
	for i, want := range map[int]bool{0: true, 63: true, 64: false} {
		r := wire.NewReader([]byte(`{"` + strings.Repeat("x", i+1) + `":1}`))
		wire.NewObject(fields...).Read(r, new(shape))
		if r.Accepted() != want {
			t.Errorf("field %d: accepted %t, want %t", i, r.Accepted(), want)
		}
	}
}

// FuzzReader checks that a Reader accepts nothing that encoding/json refuses or reads
// otherwise, on a shape that has all kinds of fields.
func FuzzReader(f *testing.F) {
	f.Add(`{"name":"ä\u00e4\n","color":"red","count":-7,"on":true,"list":[1,2,3],"inner":{"name":"b"},"noise":1e9}`)
	f.Fuzz(func(t *testing.T, document string) { read(t, document) })
}
