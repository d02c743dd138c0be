package sqlstore

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestNoStatementReadsATableFromEndToEnd(t *testing.T) {
	t.Parallel()
	store, err := OpenFile(t.Context(), filepath.Join(t.TempDir(), "books.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	for _, statement := range append(
		[]string{store.sql.mark, store.sql.bump, store.sql.putRow, store.sql.putAlias, store.sql.rows},
		store.sql.forget[:]...,
	) {
		for _, step := range plan(t, store, statement) {
			if strings.Contains(step, "SCAN finapi_") {
				t.Errorf("%s\nin %s", step, statement)
			}
		}
	}
}

func plan(t *testing.T, store *Store, statement string) (steps []string) {
	t.Helper()
	rows, err := store.DB().Query(`EXPLAIN QUERY PLAN `+statement, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}
