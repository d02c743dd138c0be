package sqlstore

import "strings"

// connectionStatements are those of [Connections] that the dialects do not have in common.
type connectionStatements struct {
	// lock: environment, connection. Returns the connection, which nobody else can change
	// before the transaction ends, and whether somebody has it.
	lock string
	// ready: environment, now, limits for each bank and each mandator, number. Returns due
	// connections that nobody has, the oldest first, within the limits.
	ready string
	// take: environment, connection, for how many milliseconds. Returns the fence, or nothing
	// if somebody has the connection by now, or is about to commit for it.
	take string
	// begin: environment, connection, fence, for how many milliseconds. Returns the connection,
	// or nothing if the fence is another one.
	begin string
	// hold: environment, connection, fence, for how many milliseconds. Changes nothing if the
	// fence is another one.
	hold string
	// guard: environment, connection. Returns the fence, which nobody can raise before the
	// transaction ends.
	guard string
	// all: returns connections and whether somebody has them; the condition follows.
	all string
	// backlog: environment, now. Returns the numbers of a [Backlog].
	backlog string
}

// newConnectionStatements fills in the database's clock in milliseconds, what locks a row that is
// only read, and what passes over a row that is locked. Leases are reckoned with the database's clock, so it does not matter if
// those of the machines differ.
func newConnectionStatements(clock, share, skip string) connectionStatements {
	in := func(statement string) string {
		return strings.NewReplacer("CLOCK", clock, "SHARE", share, "SKIP", skip, "COLUMNS", recordColumns).Replace(statement)
	}
	return connectionStatements{
		lock: in(`
UPDATE finapi_connection SET fence = fence WHERE environment = $1 AND connection = $2 RETURNING COLUMNS, taken > CLOCK`),
		// A bank that has no room left is left out first, so that many of its connections
		// cannot hide the others behind the limit of what is looked at.
		ready: in(`
WITH busy AS (
	SELECT bank, mandator FROM finapi_connection WHERE environment = $1 AND taken > 0 AND taken > CLOCK
), full_banks AS (
	SELECT bank FROM busy GROUP BY bank HAVING count(*) >= $3
), full_mandators AS (
	SELECT mandator FROM busy GROUP BY mandator HAVING count(*) >= $4
), oldest AS (
	SELECT * FROM finapi_connection
	WHERE environment = $1 AND due <= $2 AND taken <= CLOCK
		AND bank NOT IN (SELECT bank FROM full_banks) AND mandator NOT IN (SELECT mandator FROM full_mandators)
	ORDER BY due, connection LIMIT $5
), in_bank AS (
	SELECT *, row_number() OVER (PARTITION BY bank ORDER BY due, connection) AS nth_of_bank FROM oldest
), in_mandator AS (
	SELECT *, row_number() OVER (PARTITION BY mandator ORDER BY due, connection) AS nth_of_mandator FROM in_bank
	WHERE nth_of_bank <= $3 - (SELECT count(*) FROM busy WHERE busy.bank = in_bank.bank)
)
SELECT COLUMNS, false FROM in_mandator
WHERE nth_of_mandator <= $4 - (SELECT count(*) FROM busy WHERE busy.mandator = in_mandator.mandator)
ORDER BY due, connection`),
		take: in(`
UPDATE finapi_connection SET fence = fence + 1, taken = CLOCK + $3
WHERE environment = $1 AND connection = (
	SELECT connection FROM finapi_connection WHERE environment = $1 AND connection = $2 AND taken <= CLOCK SKIP
)
RETURNING fence`),
		begin: in(`
UPDATE finapi_connection SET taken = CLOCK + $4, lost = lost + 1 WHERE environment = $1 AND connection = $2 AND fence = $3 AND taken > 0
RETURNING COLUMNS, true`),
		hold: in(`
UPDATE finapi_connection SET taken = CLOCK + $4 WHERE environment = $1 AND connection = $2 AND fence = $3 AND taken > 0`),
		guard: in(`SELECT fence FROM finapi_connection WHERE environment = $1 AND connection = $2 AND taken > 0 SHARE`),
		all:   in(`SELECT COLUMNS, taken > CLOCK FROM finapi_connection WHERE environment = $1 AND `),
		backlog: in(`
SELECT count(*), coalesce(sum(CASE WHEN due <= $2 AND taken <= CLOCK THEN 1 ELSE 0 END), 0),
	coalesce(sum(CASE WHEN taken > CLOCK THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN failures > 0 THEN 1 ELSE 0 END), 0), min(CASE WHEN taken <= CLOCK THEN due END)
FROM finapi_connection WHERE environment = $1`),
	}
}
