package sqlstore_test

import (
	"maps"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
	"github.com/finapi-go/finapi/storetest"
)

func TestStoresKeepTheirPromises(t *testing.T) {
	t.Parallel()
	all := maps.Clone(strictKinds)
	all["SQLite opened by an ERP"] = newERPFile
	all["PostgreSQL, without prepared statements"] = func(tb testing.TB) database { // as behind some poolers
		tb.Helper()
		return newServerDatabase(tb).with("default_query_exec_mode", "simple_protocol")
	}
	for name, kind := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			of := map[finapi.Store]database{}
			open := func(t *testing.T) finapi.Store {
				t.Helper()
				d := kind(t)
				store := d.open(t)
				of[store] = d
				return store
			}
			reopen := func(t *testing.T, store finapi.Store) finapi.Store {
				t.Helper()
				d := of[store]
				if err := d.close(store.(*sqlstore.Store)); err != nil {
					t.Fatal(err)
				}
				again := d.open(t)
				of[again] = d
				return again
			}
			storetest.Run(t, open, storetest.Reopen(reopen))
		})
	}
}
