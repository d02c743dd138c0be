package sqlstore_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
	"github.com/finapi-go/finapi/sqlstore"
)

// Nobody of the ERP asks a bank here: finAPI does, calls, and what it has found is booked.
func TestFromFinAPIsNightToTheJournal(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		client, err := capture.NewClient(
			finapi.Sandbox, finapi.Credentials{ID: o.sim.ClientID(), Secret: finapi.NewSecret(o.sim.ClientSecret())},
			finapi.WithBaseURLs(o.sim.AccessURL(), o.sim.WebFormURL()), finapi.WithTransport(o.transport), finapi.WithClock(o.sim.Clock()),
		)
		o.must(err)
		users := tenants(t, o.store, client, keyset{newKey(t)})
		notified, told := o.connections.Notified(users), make(chan error)
		handler, err := client.NewNotificationHandler(finapi.NotificationConfig{
			Keys: []finapi.Secret{finapi.NewSecret("a key of 32 characters, or more.")},
			Notified: func(ctx context.Context, n finapi.Notification) error {
				err := notified(ctx, n)
				told <- err
				return err
			},
		})
		o.must(err)
		erp := httptest.NewServer(handler)
		defer erp.Close()
		o.sim.EditClient(func(c *finapitest.ClientSettings) { c.NotificationURL, c.AutomaticBatchUpdate = erp.URL, true })

		user, err := users.Open(t.Context(), "tenant-17")
		o.must(err)
		o.user = user
		o.must(o.connections.Withdraw(t.Context(), nil, o.connection))
		consent, err := user.StartConsent(t.Context(), finapi.ConsentRequest{Bank: finapi.BankID(finapitest.AmnisID)})
		o.must(err)
		o.must(o.sim.Approve(consent.URL))
		consent, err = user.WaitConsent(t.Context(), consent.ID)
		o.must(err)
		o.connection = consent.Connection
		accounts, err := user.Accounts(t.Context(), finapi.AccountQuery{Connection: o.connection})
		o.must(err)
		o.account = accounts[0].ID
		o.must(o.connections.Enrol(t.Context(), nil, sqlstore.Enrolment{
			Connection: o.connection, Tenant: "tenant-17", Bank: finapi.BankID(finapitest.AmnisID), Schedule: finapi.Schedule{Every: finapi.Monthly, Day: 28},
		}))
		automatic := true
		_, err = user.EditProfile(t.Context(), finapi.ProfileChange{AutoUpdate: &automatic})
		o.must(err)
		_, err = handler.CreateRule(t.Context(), user, finapi.Rule{Event: finapi.EventNewTransactions})
		o.must(err)
		o.run(1)

		o.sim.BankAccounts("amnis")[0].Book(finapitest.Booking{Amount: decimal.New(-450, -2), Purpose: "Parken"})
		o.bookings++
		o.sim.Clock().Advance(14 * time.Minute)
		o.sim.BatchUpdate()
		o.must(<-told)
		o.run(1)
		o.wantWhys("news news")
		wantBookedOnce(t, o.bank, o.store)
	})
}
