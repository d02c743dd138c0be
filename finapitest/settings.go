package finapitest

import "time"

// ClientSettings is what finAPI and the mandator configured for the client.
type ClientSettings struct {
	// UserAutoVerification is off when new users must be verified before they
	// can get a token.
	UserAutoVerification bool
	// AutomaticBatchUpdate allows users with isAutoUpdateEnabled.
	AutomaticBatchUpdate bool
	// NonEuroAccounts is off when current accounts in other currencies are
	// listed without balance and bookings.
	NonEuroAccounts bool
	// PFMServices is off when daily balances, notification rules and bulk
	// services on transactions are refused.
	PFMServices bool
	// DevelopmentMode is off when batch updates cannot be mocked.
	DevelopmentMode bool
	// WebForm is off when the mandator has not booked Web Form 2.0.
	WebForm bool
	// OnlyAPIVersion1 is on for a client that is not switched to Access V2.
	OnlyAPIVersion1 bool
	// NotificationURL is where the calls of notification rules are posted, "" for
	// nowhere. The real finAPI takes https only.
	NotificationURL string
	// MaxLoginAttempts locks a user after so many failed logins; 0 is off.
	MaxLoginAttempts int
	// UserTokenLife, ClientTokenLife and RefreshTokenLife are the lives of
	// tokens. Zero means that a token never expires.
	UserTokenLife, ClientTokenLife, RefreshTokenLife time.Duration
}

func defaultClientSettings() ClientSettings {
	return ClientSettings{
		UserAutoVerification: true,
		NonEuroAccounts:      true,
		PFMServices:          true,
		DevelopmentMode:      true,
		WebForm:              true,
		UserTokenLife:        time.Hour,
		ClientTokenLife:      time.Hour,
		// guess: finAPI documents no default for refresh tokens.
		RefreshTokenLife: 30 * 24 * time.Hour,
	}
}

// EditClient changes the client's settings while the simulator runs. Tokens
// that were given out keep their life.
func (s *Server) EditClient(edit func(*ClientSettings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(&s.settings)
}
