package sqlstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/finapi-go/finapi"
)

// Users keeps the finAPI user of each tenant: one per customer of the ERP, its id and
// password sealed with the ERP's key and bound to the tenant. It is safe for concurrent
// use, by any number of processes.
type Users struct {
	store  *Store
	client *finapi.Client
	aead   finapi.AEAD
}

// Users keeps the tenants' finAPI users in the Store's database, sealed with aead. A
// tink.AEAD fits; [finapi.AEAD] says what else does. The key is all that protects the
// customers' data if the database is stolen, so keep it elsewhere.
func (s *Store) Users(client *finapi.Client, aead finapi.AEAD) (*Users, error) {
	if client == nil {
		return nil, invalid("client", "must not be nil")
	}
	if aead == nil {
		return nil, invalid("aead", "must not be nil")
	}
	return &Users{store: s, client: client, aead: aead}, nil
}

// sealedUser is a row of the table.
type sealedUser struct {
	tenant, sealed string
	created        bool
}

// Open opens a tenant's finAPI user. The first time, it makes one with a random id and
// password, stores it sealed, and creates it at finAPI, in this order: so no user is
// ever created whose password is lost. If that breaks off in the middle, the next Open
// goes on. The tenant is the ERP's own name for the customer, 1 to 200 characters; it
// must never be given to another customer. If the tenant is forgotten at the same time, Open leaves
// no user behind and fails with a [finapi.CodeConflict].
//
// An access that does not open with the key, or was sealed for another tenant, is
// refused with a [finapi.CodeSealBroken], and not replaced.
func (u *Users) Open(ctx context.Context, tenant string) (*finapi.User, error) {
	row, err := u.read(ctx, tenant)
	if errors.Is(err, sql.ErrNoRows) {
		if err = u.invent(ctx, tenant); err == nil {
			row, err = u.read(ctx, tenant)
		}
	}
	if err != nil {
		return nil, failed(ctx, "read the tenant's user", err)
	}
	user, err := u.unseal(row)
	if err != nil || row.created {
		return user, err
	}
	_, err = u.client.CreateUser(ctx, finapi.NewUser{ID: user.ID(), Password: user.Password()})
	if err != nil && !finapi.IsError(err, finapi.CodeEntityExists) {
		return nil, err
	}
	if err := u.noteCreated(ctx, tenant, user); err != nil {
		return nil, err
	}
	return user, nil
}

// noteCreated notes that a tenant's user is at finAPI. If the tenant was forgotten meanwhile, it
// deletes the user there, because nobody has the password any more.
func (u *Users) noteCreated(ctx context.Context, tenant string, user *finapi.User) error {
	result, err := u.store.exec(
		ctx, `UPDATE finapi_user SET created = 1 WHERE environment = $1 AND tenant = $2 AND user_hash = $3`,
		u.environment(), tenant, hashOf(user.ID()),
	)
	var noted int64
	if err == nil {
		noted, err = result.RowsAffected()
	}
	if err != nil {
		return failed(ctx, "note the tenant's user", err)
	}
	if noted > 0 {
		return nil
	}
	if err := user.Forget(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return fmt.Errorf("sqlstore: the tenant was forgotten while it was opened: %w", finapi.Conflict())
}

// Find opens a tenant's finAPI user if there is one, and returns nil if not: for pages
// that only look.
func (u *Users) Find(ctx context.Context, tenant string) (*finapi.User, error) {
	row, err := u.read(ctx, tenant)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !row.created {
		return nil, nil //nolint:nilnil // as the comment says
	}
	if err != nil {
		return nil, failed(ctx, "read the tenant's user", err)
	}
	return u.unseal(row)
}

// ByID opens the user with an id, which came with a callback for example; nil if it
// is none of the tenants'.
func (u *Users) ByID(ctx context.Context, id finapi.UserID) (*finapi.User, error) {
	var row sealedUser
	err := u.store.db.QueryRowContext(
		ctx, `SELECT tenant, sealed FROM finapi_user WHERE environment = $1 AND user_hash = $2`, u.environment(), hashOf(id),
	).Scan(&row.tenant, &row.sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // as the comment says; the handler for callbacks wants it so
	}
	if err != nil {
		return nil, failed(ctx, "read the user", err)
	}
	return u.unseal(row)
}

// TenantOf returns the tenant that a finAPI user belongs to; "" if it is none of the
// tenants'.
func (u *Users) TenantOf(ctx context.Context, id finapi.UserID) (string, error) {
	var tenant string
	err := u.store.db.QueryRowContext(
		ctx, `SELECT tenant FROM finapi_user WHERE environment = $1 AND user_hash = $2`, u.environment(), hashOf(id),
	).Scan(&tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", failed(ctx, "read the tenant", err)
	}
	return tenant, nil
}

// Forget deletes the tenant's finAPI user with everything that belongs to it, as
// [finapi.User.Forget] does, and then what is stored of it here. It reports whether
// there was something to forget: a tenant that is not known is no error, so that it can
// be repeated, and a misspelt one is noticed. The memory of the tenant's feeds stays;
// see [Store.Forget].
//
// If the key that sealed the access is lost, Forget fails with
// [finapi.CodeSealBroken], because without the password the user at finAPI cannot be
// deleted: ask finAPI to delete it, then delete the tenant's row of finapi_user.
func (u *Users) Forget(ctx context.Context, tenant string) (forgotten bool, err error) {
	if err := u.store.checkPast(ctx); err != nil { // before anything is deleted at finAPI
		return false, err
	}
	row, err := u.read(ctx, tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, failed(ctx, "read the tenant's user", err)
	}
	user, err := u.unseal(row)
	if err != nil {
		return false, err
	}
	if err := user.Forget(ctx); err != nil {
		return false, err
	}
	_, err = u.store.exec(
		ctx, `DELETE FROM finapi_user WHERE environment = $1 AND tenant = $2`, u.environment(), tenant,
	)
	if err != nil {
		return false, failed(ctx, "delete the tenant's user", err)
	}
	return true, nil
}

// Reseal seals all users anew with the primary key of the AEAD, which must still be able
// to open them, and returns how many there were. To change the key: add the new one to
// the keyset as its primary, deploy that everywhere, call Reseal, then take the old one
// out. It can be repeated, and it may run while the program works.
func (u *Users) Reseal(ctx context.Context) (int, error) {
	rows, err := u.all(ctx)
	if err != nil {
		return 0, failed(ctx, "read the users", err)
	}
	for n, row := range rows {
		user, err := u.unseal(row)
		if err != nil {
			return n, err
		}
		sealed, err := u.seal(user, row.tenant)
		if err != nil {
			return n, err
		}
		_, err = u.store.exec(
			ctx, `UPDATE finapi_user SET sealed = $1 WHERE environment = $2 AND tenant = $3 AND sealed = $4`,
			sealed, u.environment(), row.tenant, row.sealed,
		)
		if err != nil {
			return n, failed(ctx, "store a user", err)
		}
	}
	return len(rows), nil
}

func (u *Users) environment() string { return u.client.Environment().String() }

func (u *Users) read(ctx context.Context, tenant string) (sealedUser, error) {
	row := sealedUser{tenant: tenant}
	err := u.store.db.QueryRowContext(
		ctx, `SELECT sealed, created <> 0 FROM finapi_user WHERE environment = $1 AND tenant = $2`, u.environment(), tenant,
	).Scan(&row.sealed, &row.created)
	return row, err
}

func (u *Users) all(ctx context.Context) ([]sealedUser, error) {
	rows, err := u.store.db.QueryContext(
		ctx, `SELECT tenant, sealed FROM finapi_user WHERE environment = $1 ORDER BY tenant`, u.environment(),
	)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []sealedUser
	for rows.Next() {
		var row sealedUser
		if err := rows.Scan(&row.tenant, &row.sealed); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// invent stores a user that finAPI does not have yet. If another process is faster,
// its user counts.
func (u *Users) invent(ctx context.Context, tenant string) error {
	user := u.client.User(finapi.UserID(rand.Text()), finapi.NewSecret(rand.Text()))
	sealed, err := u.seal(user, tenant)
	if err != nil {
		return err
	}
	_, err = u.store.exec(
		ctx, `INSERT INTO finapi_user (environment, tenant, user_hash, sealed, created) VALUES ($1, $2, $3, $4, 0)
			ON CONFLICT (environment, tenant) DO NOTHING`, u.environment(), tenant, hashOf(user.ID()), sealed,
	)
	return err
}

func (u *Users) seal(user *finapi.User, tenant string) (string, error) {
	sealed, err := user.Seal(u.aead, tenant)
	return base64.StdEncoding.EncodeToString(sealed), err
}

func (u *Users) unseal(row sealedUser) (*finapi.User, error) {
	sealed, err := base64.StdEncoding.DecodeString(row.sealed)
	if err != nil {
		sealed = nil // does not open, either
	}
	return u.client.OpenSealed(u.aead, row.tenant, sealed)
}

// hashOf hides an id, which is random. finAPI does not tell upper and lower case apart.
func hashOf(id finapi.UserID) string {
	sum := sha256.Sum256([]byte("finapi user/" + strings.ToLower(string(id))))
	return hex.EncodeToString(sum[:])
}
