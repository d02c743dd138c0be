package finapitest

import "cmp"

// What comes of deleting a consent, at finAPI or at the bank.
const (
	consentDeleted      = "DELETED"
	consentMissing      = "NOT_EXIST"
	consentNotSupported = "NOT_SUPPORTED"
	consentNotDeleted   = "NOT_DELETED"
)

type deletedConsent struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// deleteConsent is DELETE /bankConnections/{id}/aisConsent. Data and accounts
// stay; the next update needs the customer.
func (s *Server) deleteConsent(c *call) (answer, error) {
	x, err := s.ownConnection(c)
	if err != nil {
		return answer{}, err
	}
	if x.busy(c.now) {
		return answer{}, locked()
	}
	i := x.through(c.query.text("bankingInterface"))
	switch {
	case i == nil:
		return answer{}, unprocessable(codeUnknownEntity, "Das Interface gehört nicht zur Bankverbindung.", "The interface does not belong to the bank connection.")
	case i.Consent == nil:
		return ok(deletedConsent{consentNotSupported, consentNotSupported}), nil // guess
	case !i.Consent.Present:
		return ok(deletedConsent{consentMissing, consentMissing}), nil // guess
	}
	remote := i.deletedAtBank(x.deletion)
	if forced := c.query.flag("forceDeletion"); remote == consentNotDeleted && !orElse(forced, false) {
		return answer{}, unprocessable("INVALID_CONSENT", "Die Bank hat die Zustimmung nicht gelöscht.", "The bank has not deleted the consent.")
	}
	i.loseConsent()
	return ok(deletedConsent{consentDeleted, remote}), nil
}

// deletedAtBank is the bank's answer when finAPI deletes the consent there.
func (i *connectionInterface) deletedAtBank(set string) string {
	if i.revoked {
		return cmp.Or(set, consentMissing) // guess: the bank has forgotten it
	}
	return cmp.Or(set, consentDeleted)
}

// SetConsentDeletion sets what the bank answers from now on when finAPI is asked
// to delete a consent of the connection: DELETED, which is the default,
// NOT_DELETED, NOT_SUPPORTED or NOT_EXIST. With NOT_DELETED finAPI refuses with
// 422 INVALID_CONSENT and keeps the consent, unless the deletion is forced.
// Deleting the whole connection never fails on it.
func (s *Server) SetConsentDeletion(connectionID int64, remote string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.connection(connectionID)
	if x == nil {
		s.misuse("connection", connectionID)
		return
	}
	switch remote {
	case consentDeleted, consentNotDeleted, consentNotSupported, consentMissing:
		x.deletion = remote
	default:
		s.misuse("result of deleting a consent", remote)
	}
}

// RevokeConsent does what the customer can do in the online banking: take the
// consents of a connection back at the bank. finAPI does not learn of it. Its
// consent reads PRESENT until the next update, which needs the customer.
func (s *Server) RevokeConsent(connectionID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.connection(connectionID)
	if x == nil {
		s.misuse("connection", connectionID)
		return
	}
	for _, i := range x.interfaces {
		i.revoked = i.Consent != nil
	}
}
