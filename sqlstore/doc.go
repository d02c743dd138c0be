// Package sqlstore keeps the memory of finAPI feeds in an SQL database, next to
// the books of the ERP: in SQLite or in PostgreSQL.
//
//	store, err := sqlstore.OpenFile(ctx, "books.db")
//	feed := user.Feed(account.ID, "tenant-17/1200", store)
//	err = sqlstore.Sync(ctx, feed, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
//		// write the ERP's rows with tx
//	})
//
// # The promise
//
// A feed remembers which bookings a ledger has got. If this memory is in one
// database and the ledger in another, a crash between the two commits books
// something twice or never. [Sync] commits both in one transaction. After a crash,
// kill -9 or a power failure, either the ERP's rows and the memory of them are
// there or neither is, and in that case the next Sync delivers the same events
// with the same UIDs again. Two workers that synchronise one ledger at a time
// cannot book twice: the first statement of each transaction raises the version
// of the ledger's memory, and only if it still is the one that the worker has
// read.
//
// # What the ERP has to do
//
//   - Keep its own tables in the same database: put them into [Store.DB] after
//     [OpenFile], or hand over the database that they are in to [New].
//   - Write everything that it makes of a batch with the transaction that [Sync]
//     hands over, and not end it, also not by a script that begins and commits on its own.
//   - Not write past the transaction inside of apply: that would stay when the transaction is rolled
//     back. What does so through the Store with the context that apply gets is refused at once with
//     a [finapi.CodeInvalidInput]. In SQLite, any other write waits for the transaction, which waits
//     for it, until an error ends it, after 10 or 20 seconds.
//   - Read with the transaction, too, if the database may have only one connection, by
//     SetMaxOpenConns(1): what reads past it waits for itself until its context ends.
//   - Return quickly from apply: while it runs, SQLite lets nobody else write, and
//     PostgreSQL nobody else who synchronises the same ledger.
//   - Return the database's errors from apply, wrapped or not.
//
// # The inbox
//
// An ERP that cannot book while the feed is read, or whose books are elsewhere, takes its
// events from an [Inbox]: [Fill] puts them there, together with the feed's memory, and the
// ERP pulls and acknowledges them when it likes. The first commit of a ledger decides whether
// it is filled or synchronised, and the other way is refused from then on.
//
// # By itself
//
// [Connections] is the list of bank connections that are synchronised by themselves, each
// with a [finapi.Schedule]; the ERP adds one when the customer has consented, and passes on
// hints. A [Syncer] does what is due: in the ERP's own process with [Syncer.Loop], or on many
// machines with the module fleet. It asks the bank, waits, feeds each account into its ledger,
// and notes what became of it and when to try again. [Connections.Status] and
// [Connections.Backlog] tell how it goes, [Connections.Support] makes a bundle for the
// support.
//
// # PostgreSQL
//
// Any number of machines can share it. Open it with the driver of pgx, and hand it
// over:
//
//	import _ "github.com/jackc/pgx/v5/stdlib"
//
//	db, err := sql.Open("pgx", "postgres://erp@db.example/books")
//	store, err := sqlstore.New(ctx, db, sqlstore.PostgreSQL)
//
// Behind a pooler that does not keep prepared statements, add the setting
// default_query_exec_mode=simple_protocol or exec to the address.
//
// The tables go into the first schema of the search path. A program that creates them by
// itself must be allowed to. If another tool does it with the files of [Migrations], a role
// that may select, insert, update and delete in these tables is enough.
//
// Transactions have the
// isolation level that the database or the connection sets; READ COMMITTED,
// PostgreSQL's own, is the one to take. Then workers on one ledger wait for each
// other, and workers on different ledgers do not. Under REPEATABLE READ and
// SERIALIZABLE, PostgreSQL gives up transactions instead, and under SERIALIZABLE
// some that were in nobody's way. Such a failure, and a deadlock under any level, is
// a [finapi.CodeConflict]: [Sync] starts over, and returns it if that has not helped
// three times.
//
// # What is stored
//
// The tables begin with finapi_ and belong to this package; read them, but do not
// change them.
//
//   - finapi_feed has a row for each ledger: how far its feed has read, whether it is
//     filled, the IBAN and the finAPI ids of the account that it is bound to.
//   - finapi_source has a row for each account at finAPI that a ledger ever got
//     bookings from.
//   - finapi_row has a row for each booking that a ledger was told of, with the
//     whole transaction as it was last seen, in JSON. Amounts are texts in it,
//     never floats. Its column uid is the [finapi.UID], on which the ERP's own
//     tables can be joined.
//   - finapi_alias has a row for each id that finAPI ever gave to one of these
//     bookings.
//   - finapi_inbox has a row for each event that [Fill] put there: with the event in
//     JSON until it is acknowledged, and with its key for good.
//   - finapi_user has a row for each tenant of [Users]: the id and the password of its
//     finAPI user, sealed with the ERP's key.
//   - finapi_budget has a row for each connection: when the updates without the customer began
//     that [Store.Budget] has counted in the last week.
//   - finapi_state has a row for each return from a form that [Store.States] has seen.
//   - finapi_connection has a row for each of the [Connections]: its tenant, its schedule,
//     when it is due, and the codes of its last failure; finapi_scheduler one for each
//     environment: when somebody last looked for due connections.
//   - finapi_migration lists the versions of the schema that were applied.
//
// No token or client secret is among it, and passwords only sealed; but bank data is,
// and it is not encrypted: protect the file or the server as the books themselves.
//
// Nothing is deleted by itself, because a booking that is forgotten would be
// booked again. [Store.Forget] deletes all that is remembered of one ledger.
package sqlstore
