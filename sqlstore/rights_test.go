package sqlstore_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

// newRole makes a role that may read and write the rows of all tables that are there, and
// nothing else, and returns the database as this role opens it.
func (d database) newRole(t *testing.T, owner *sql.DB) database {
	t.Helper()
	var role string
	if err := owner.QueryRow(`SELECT 'erp_of_' || current_database()`).Scan(&role); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`CREATE ROLE ` + role,
		`REVOKE CREATE ON SCHEMA public FROM PUBLIC`,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ` + role,
	} {
		if _, err := owner.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	t.Cleanup(func() {
		for _, statement := range []string{`DROP OWNED BY ` + role, `DROP ROLE ` + role} {
			if _, err := owner.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
	return d.with("role", role)
}

func TestARoleThatMayOnlyReadAndWriteRowsIsEnoughAfterTheMigration(t *testing.T) {
	t.Parallel()
	d := newServerDatabase(t)
	o := newOffice(t, d)
	o.store = d.newRole(t, o.store.DB()).open(t)
	if _, err := o.store.DB().Exec(`CREATE TABLE more (x TEXT)`); err == nil {
		t.Fatal("the role may do more than the test is about")
	}

	var err error
	o.connections, err = o.store.Connections(finapi.Sandbox, o.sim.Clock())
	o.must(err)
	o.syncer = o.newSyncer()
	o.book(3)
	o.run(1)
	wantBookedOnce(t, o.bank, o.store)
	o.must(o.connections.Withdraw(t.Context(), nil, o.connection))
	o.must(o.store.Forget(t.Context(), books))

	fillAll(t, o.feed(o.store))
	inbox := o.store.Inbox(books)
	items := next(t, inbox, 10)
	if len(items) != 3 {
		t.Fatalf("got %d items, want 3", len(items))
	}
	fail(t, inbox, items[0].Seq, "not now", time.Time{})
	if n := ack(t, inbox, items[1].Seq, items[2].Seq); n != 2 {
		t.Errorf("%d items were acknowledged, want 2", n)
	}

	_, err = o.store.Budget().Claim(t.Context(), finapi.ConnectionKey{Environment: "sandbox", Connection: o.connection}, time.Now(), 4)
	o.must(err)
	if first, err := o.store.States().Use(t.Context(), "state", time.Now()); err != nil || !first {
		t.Errorf("a state: got %v, %v", first, err)
	}
	users := tenants(t, o.store, o.client(t), keyset{newKey(t)})
	_, err = users.Open(t.Context(), "tenant-18")
	o.must(err)
	if n, err := users.Reseal(t.Context()); err != nil || n != 1 {
		t.Errorf("%d users were sealed anew, %v; want 1", n, err)
	}
	if forgotten, err := users.Forget(t.Context(), "tenant-18"); err != nil || !forgotten {
		t.Errorf("forget: got %v, %v", forgotten, err)
	}
}
