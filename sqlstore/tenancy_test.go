package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// hostileNames are names of tenants and of ledgers that careless SQL, a collation or a pattern
// would take for each other, or for something else than a name.
var hostileNames = []string{
	"a", "A", "aa", "a/1", "a/10", "a/1/", "a ", " a", "a\t", "a'", "a''", `a"`, "a`", `a\`, "a'; DROP TABLE finapi_user; --", "a' OR '1'='1",
	"a%", "a_", "a*", "?1", "$1", ":a", "NULL", "null", "0", "00", "{a}", `{"a":1}`, "[a]", "a,b", "ä", "a\u0308", "Ä", "ß", "ss", "ﬁ", "fi", "İ", "i",
	"\u212a", "k", "😀", "a\u200b", "a\u00ad", "а", "a\u2028",
}

// keysOf are 1000 ledgers, the hostile names among them, in two environments.
func keysOf() []finapi.LedgerKey {
	var keys []finapi.LedgerKey
	for i := range 500 {
		name := fmt.Sprintf("tenant-%d/1200", i)
		if i < len(hostileNames) {
			name = hostileNames[i]
		}
		for _, environment := range []string{"sandbox", "live"} {
			keys = append(keys, finapi.LedgerKey{Environment: environment, Ledger: finapi.LedgerID(name)})
		}
	}
	return keys
}

// each does something for all numbers below n, some at a time.
func each(n int, do func(i int)) {
	var group sync.WaitGroup
	var next atomic.Int64
	for range 8 {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	group.Wait()
}

// owned is a change of a ledger whose rows equal those of all other ledgers, but for what only
// their owner may read.
func owned(key finapi.LedgerKey, version int64) finapi.Change {
	c := change(version, row("uid-1", 1), row("uid-2", 2))
	c.Mark.IBAN = secretOf(key)
	for i := range c.Rows {
		c.Rows[i].State = finapi.RowReview
		c.Rows[i].Transaction.Purpose = secretOf(key)
	}
	return c
}

func secretOf(key finapi.LedgerKey) string {
	return fmt.Sprintf("belongs to %s, %+q", key.Environment, string(key.Ledger))
}

// TestAThousandLedgersInOneDatabaseSeeOnlyWhatIsTheirs writes and reads them all at once, with
// commits that are too late, calls that are given up, and ledgers that are forgotten in between.
func TestAThousandLedgersInOneDatabaseSeeOnlyWhatIsTheirs(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short: a thousand ledgers at once take minutes under the race detector; .ci/run has them")
	}
	onEach(t, kinds, func(t *testing.T, d database) {
		store, keys := d.open(t), keysOf()
		forgotten := func(i int) bool { return i%7 == 3 }
		each(len(keys), func(i int) {
			if err := store.Commit(t.Context(), keys[i], owned(keys[i], 0)); err != nil {
				t.Errorf("%+q: %v", keys[i], err)
			}
		})
		each(len(keys), func(i int) {
			key := keys[(i*37)%len(keys)]
			if err := store.Commit(t.Context(), key, owned(keys[i], 7)); !finapi.IsError(err, finapi.CodeConflict) {
				t.Errorf("%+q: a commit with another version gave %v, want a conflict", key, err)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			if err := store.Commit(ended, key, owned(keys[i], 1)); !errors.Is(err, context.Canceled) {
				t.Errorf("%+q: a commit that was given up gave %v", key, err)
			}
			if forgotten(i) {
				if err := store.Forget(t.Context(), keys[i]); err != nil {
					t.Errorf("%+q: %v", keys[i], err)
				}
			}
			wantOwn(t, store, keys[i], forgotten(i), "UIDs")
		})
		each(2*len(hostileNames), func(i int) { wantOwn(t, store, keys[i], forgotten(i), "ids", "fingerprints", "days", "reviews") })
	})
}

// wantOwn asks for a ledger's memory in some ways.
func wantOwn(t *testing.T, store *sqlstore.Store, key finapi.LedgerKey, gone bool, ways ...string) {
	t.Helper()
	wanted, version := 2, int64(1)
	if gone {
		wanted, version = 0, 0
	}
	mark, err := store.Mark(t.Context(), key)
	if err != nil || mark.Version != version || !gone && mark.IBAN != secretOf(key) {
		t.Errorf("%+q: it has the mark %d of %s, %v", key, mark.Version, mark.IBAN, err)
	}
	queries := map[string]finapi.RowQuery{
		"ids": {Source: source, IDs: []finapi.TransactionID{1, 2, 3}}, "UIDs": {UIDs: []finapi.UID{"uid-1", "uid-2", "uid-3"}},
		"fingerprints": {Fingerprints: []string{"f"}}, "days": {Since: &finapi.Date{Year: 2000, Month: 1, Day: 1}}, "reviews": {Reviews: true},
	}
	for _, name := range ways {
		rows, err := store.Rows(t.Context(), key, queries[name])
		if err != nil || len(rows) != wanted {
			t.Errorf("%+q: by its %s it has %d rows, want %d: %v", key, name, len(rows), wanted, err)
		}
		for i := range rows {
			if rows[i].Transaction.Purpose != secretOf(key) {
				t.Errorf("%+q: by its %s it reads a row that %s", key, name, rows[i].Transaction.Purpose)
			}
		}
	}
}

// TestANameWithANULIsItsOwnOrRefused: C ends a text there, and PostgreSQL has no such texts.
func TestANameWithANULIsItsOwnOrRefused(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		plain := finapi.LedgerKey{Environment: "sandbox", Ledger: "a"}
		commit(t, store, plain, owned(plain, 0))
		for _, name := range []finapi.LedgerID{"a\x00", "a\x00b", "\x00a", "a\xff", "\xffa"} {
			key := finapi.LedgerKey{Environment: "sandbox", Ledger: name}
			if err := store.Commit(t.Context(), key, owned(key, 0)); err != nil {
				continue // refused
			}
			wantOwn(t, store, key, false, "UIDs", "reviews")
		}
		wantOwn(t, store, plain, false, "UIDs", "reviews")
	})
}

// TestTenantsWithHostileNamesHaveUsersOfTheirOwn opens each of them twice at once.
func TestTenantsWithHostileNamesHaveUsersOfTheirOwn(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		users := tenants(t, store, b.client(t), keyset{newKey(t)})
		var mu sync.Mutex
		owners := map[finapi.UserID]string{}
		each(2*len(hostileNames), func(i int) {
			name := hostileNames[i/2]
			user, err := users.Open(t.Context(), name)
			if err != nil {
				t.Errorf("%+q: %v", name, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if owner, known := owners[user.ID()]; known && owner != name {
				t.Errorf("%+q got the user of %+q", name, owner)
			}
			owners[user.ID()] = name
		})
		if len(owners) != len(hostileNames) {
			t.Errorf("%d tenants have %d users", len(hostileNames), len(owners))
		}
		for id, name := range owners {
			tenant, err := users.TenantOf(t.Context(), id)
			if err != nil || tenant != name {
				t.Errorf("the user of %+q is told to be that of %+q, %v", name, tenant, err)
			}
		}
		forgotten := hostileNames[0]
		if ok, err := users.Forget(t.Context(), forgotten); err != nil || !ok {
			t.Errorf("Forget: %v, %v", ok, err)
		}
		for id, name := range owners {
			user, err := users.ByID(t.Context(), id)
			if err != nil || (user == nil) != (name == forgotten) {
				t.Errorf("after %+q was forgotten, %+q has the user %v, %v", forgotten, name, user, err)
			}
		}
	})
}

// bounds say by what each table is always asked, so that no statement reaches across.
var bounds = map[string]*regexp.Regexp{
	"feed":       regexp.MustCompile(`environment = \S+ AND ledger = |\(environment, ledger,`),
	"row":        regexp.MustCompile(`feed_id = |\(feed_id, `),
	"inbox":      regexp.MustCompile(`feed_id = |\(feed_id, `),
	"source":     regexp.MustCompile(`feed_id = |\(feed_id, |s\.id = r\.source_id|s\.feed_id`),
	"alias":      regexp.MustCompile(`source_id = |source_id IN|\(source_id, `),
	"user":       regexp.MustCompile(`environment = \S+ AND (tenant|user_hash) = |\(environment, tenant,|WHERE environment = \S+ ORDER BY tenant`),
	"connection": regexp.MustCompile(`environment = |\(\s*environment, connection,`),
	"budget":     regexp.MustCompile(`environment = \S+ AND connection = |\([a-z, ]*environment, connection,`),
	"scheduler":  regexp.MustCompile(`environment = |\(environment, looked,`),
	// States are random and signed for one user; what has expired is cleared for all.
	"state": regexp.MustCompile(`\(name, expires\)|expires < `),
	// The version of the schema is everybody's.
	"migration": regexp.MustCompile(`max\(version\)`),
}

var tableNamed = regexp.MustCompile(`\b(?:FROM|JOIN|UPDATE|INTO)\s+finapi_(\w+)`)

// unbound returns the tables that a statement asks for more than its owner's.
func unbound(statement string) (tables []string) {
	for _, match := range tableNamed.FindAllStringSubmatch(statement, -1) {
		if bound := bounds[match[1]]; bound == nil || !bound.MatchString(statement) {
			tables = append(tables, match[1])
		}
	}
	return tables
}

// TestEveryStatementIsBoundToItsOwner reads the SQL of all files.
func TestEveryStatementIsBoundToItsOwner(t *testing.T) {
	t.Parallel()
	seen, found := map[string]bool{}, 0
	for _, statement := range statementsOfTheSource(t) {
		for _, table := range unbound(statement) {
			t.Errorf("the statement asks finapi_%s for what belongs to others:\n%s", table, statement)
		}
		for _, match := range tableNamed.FindAllStringSubmatch(statement, -1) {
			seen[match[1]] = true
			found++
		}
	}
	if found < 60 || len(seen) != len(bounds) {
		t.Errorf("%d uses of the tables %v were found, want all of %d tables", found, seen, len(bounds))
	}
	for _, reaching := range []string{
		`SELECT data FROM finapi_row`, `DELETE FROM finapi_user WHERE tenant = $1`, `SELECT mark FROM finapi_feed WHERE ledger = $1`,
		`UPDATE finapi_connection SET due = 0`, `SELECT sealed FROM finapi_user WHERE environment = $1`, `SELECT 1 FROM finapi_new`,
	} {
		if len(unbound(reaching)) != 1 {
			t.Errorf("nothing is found in %s", reaching)
		}
	}
}

// statementsOfTheSource returns all constant texts of the package's files, put together where they
// are added up.
func statementsOfTheSource(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	constants := map[string]ast.Expr{}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == len(spec.Values) {
				for i, name := range spec.Names {
					constants[name.Name] = spec.Values[i]
				}
			}
			return true
		})
	}
	var statements []string
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			expression, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			switch expression.(type) {
			case *ast.BasicLit, *ast.BinaryExpr:
				text := textOf(expression, constants)
				if strings.Contains(text, "finapi_") {
					statements = append(statements, text)
				}
				return text == ""
			}
			return true
		})
	}
	return statements
}

// textOf is the text of an expression, "" for all that is none.
func textOf(e ast.Expr, constants map[string]ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err != nil || e.Kind != token.STRING {
			return ""
		}
		return text
	case *ast.Ident:
		if value, ok := constants[e.Name]; ok {
			return textOf(value, constants)
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return textOf(e.X, constants) + textOf(e.Y, constants)
		}
	}
	return ""
}
