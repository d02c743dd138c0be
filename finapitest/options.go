package finapitest

import "time"

// Option changes how a simulator is set up.
type Option func(*config)

type config struct {
	start          time.Time
	running        bool
	world          World
	client         ClientSettings
	importDuration time.Duration
	updateDuration time.Duration
	consentLife    time.Duration
	unattended     int
	everyInterface bool
	chooseAccounts bool
	idOffset       int64
}

func defaultConfig() config {
	return config{
		start:          time.Date(2026, time.March, 2, 9, 0, 0, 0, berlin()),
		world:          DefaultWorld(),
		client:         defaultClientSettings(),
		importDuration: 6 * time.Second,
		updateDuration: 4 * time.Second,
		consentLife:    90 * 24 * time.Hour,
		unattended:     4,
	}
}

// WithTime sets the time at which the simulation starts. The default is
// Monday 2026-03-02, 09:00 in Germany, fixed so that worlds are reproducible.
func WithTime(start time.Time) Option {
	return func(c *config) { c.start = start }
}

// WithRunningClock lets the clock follow real time, for a program in which a
// person clicks through the form. What falls due happens by itself.
// [Clock.Advance] still moves the clock further.
func WithRunningClock() Option {
	return func(c *config) { c.running = true }
}

// WithWorld replaces the default world.
func WithWorld(w World) Option {
	return func(c *config) { c.world = w }
}

// WithEmptyWorld keeps the banks and the customer's accounts of the default
// world, but without a single booking: the test books what it needs.
func WithEmptyWorld() Option {
	return func(c *config) { c.world = EmptyWorld() }
}

// WithIDOffset adds to every id that the simulator gives. finAPI never gives an id
// twice, but a simulator that is started again does: a program that keeps what an
// earlier one gave starts the next one with another offset, from 0 to 1e8.
func WithIDOffset(offset int64) Option {
	return func(c *config) { c.idOffset = min(max(offset, 0), 1e8) }
}

// WithClient changes the settings of the finAPI client before the start.
func WithClient(edit func(*ClientSettings)) Option {
	return func(c *config) { edit(&c.client) }
}

// WithTokenLife sets how long access tokens of users and of the client live.
// Zero means that they never expire.
func WithTokenLife(d time.Duration) Option {
	return WithClient(func(c *ClientSettings) {
		c.UserTokenLife, c.ClientTokenLife = d, d
	})
}

// WithImportDuration sets how long finAPI takes to download the rows after the
// customer has approved a form. The default is 6 simulated seconds.
func WithImportDuration(d time.Duration) Option {
	return func(c *config) { c.importDuration = d }
}

// WithUpdateDuration sets how long a background update takes. The default is
// 4 simulated seconds.
func WithUpdateDuration(d time.Duration) Option {
	return func(c *config) { c.updateDuration = d }
}

// WithConsentLife sets how long the customer's consent holds. The default is
// 90 days.
func WithConsentLife(d time.Duration) Option {
	return func(c *config) { c.consentLife = d }
}

// WithEveryInterface lets the customer connect through all interfaces of a bank
// that the form allows, one log-in after the other, not through the best one only.
// At the Stadtsparkasse and at finAPI's test bank, a connection then has XS2A with
// a consent and FINTS_SERVER without one.
func WithEveryInterface() Option {
	return func(c *config) { c.everyInterface = true }
}

// WithAccountSelection adds a page on which the customer chooses the accounts to
// import, as a profile at finAPI does. [Server.Approve] and [Server.ApproveAt]
// take all.
func WithAccountSelection() Option {
	return func(c *config) { c.chooseAccounts = true }
}

// WithUnattendedUpdates sets how many updates of a connection without the
// customer's presence the bank accepts within 24 hours. The default is 4.
func WithUnattendedUpdates(n int) Option {
	return func(c *config) { c.unattended = n }
}
