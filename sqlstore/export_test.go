package sqlstore

// Statements returns what a Store reads and writes with, by name, for the tests that
// look at plans.
func Statements(d Dialect) map[string]string {
	m := &dialects[d].memory
	all := map[string]string{"mark": m.mark, "bump": m.bump, "source": m.source, "rows": m.rows}
	if d == SQLite {
		all["putRow"], all["putAliases"] = sqlitePutRow, sqlitePutAliases
	} else {
		all["putAll"] = postgresPutAll
	}
	for i, statement := range m.forget {
		all["forget "+string(rune('1'+i))] = statement
	}
	return all
}
