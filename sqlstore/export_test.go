package sqlstore

// Statements returns what a Store reads and writes with, by name, for the tests that
// look at plans.
func Statements(d Dialect) map[string]string {
	m := &dialects[d].memory
	all := map[string]string{
		"mark": m.mark, "bump": m.bump, "source": m.source, "rows": m.rows,
		"inbox feed": inboxFeed, "inbox next": inboxNext, "inbox failed": inboxFailed, "inbox fail": inboxFail,
		"inbox ack": dialects[d].inbox.ack,
	}
	if d == SQLite {
		all["putRow"], all["putAliases"], all["putLetter"] = sqlitePutRow, sqlitePutAliases, sqlitePutLetter
	} else {
		all["putAll"], all["putAllLetters"] = postgresPutAll, postgresPutAllLetters
	}
	for i, statement := range m.forget {
		all["forget "+string(rune('1'+i))] = statement
	}
	return all
}
