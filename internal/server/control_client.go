package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"presenced/internal/store"
	"presenced/sip"
)

// Control speaks to a running agent.
type Control struct{ client http.Client }

// DialControl reaches the agent that serves the socket at path, or fails at
// once where none does.
func DialControl(path string) (*Control, error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	c, err := dial(context.Background(), "", "")
	if err != nil {
		return nil, err
	}
	c.Close()
	return &Control{http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 10 * time.Second}}, nil
}

// Show asks what the agent knows of a presentity.
func (c *Control) Show(aor string) (shown *Shown, err error) {
	return shown, c.call(http.MethodGet, "/show?aor="+url.QueryEscape(aor), nil, &shown)
}

// Collect has the agent collect garbage, and says what is left.
func (c *Control) Collect() (h Heap, err error) {
	return h, c.call(http.MethodPost, "/collect", nil, &h)
}

// Principals lists who is kept in the store.
func (c *Control) Principals(_ context.Context, yield func(store.Principal) error) error {
	var list []string
	if err := c.call(http.MethodGet, "/principals", nil, &list); err != nil {
		return err
	}
	for _, aor := range list {
		if err := yield(store.Principal{AOR: aor}); err != nil {
			return err
		}
	}
	return nil
}

// PutPrincipal adds or replaces one.
func (c *Control) PutPrincipal(_ context.Context, p store.Principal) error {
	return c.call(http.MethodPut, "/principals", p, nil)
}

// DeletePrincipal removes one, or is store.ErrNotFound.
func (c *Control) DeletePrincipal(_ context.Context, aor string) error {
	return c.call(http.MethodDelete, "/principals?aor="+url.QueryEscape(aor), nil, nil)
}

// call makes one request and decodes what comes back into result.
func (c *Control) call(method, path string, body, result any) error {
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequest(method, "http://presenced"+path, &payload)
	if err != nil {
		return err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return store.ErrNotFound
	default:
		text, err := io.ReadAll(io.LimitReader(response.Body, 1<<12))
		return errors.Join(errors.New(strings.TrimSpace(string(text))), err)
	}
	if result == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(result)
}

// AORArgument is the address-of-record that an operator types: with or
// without "sip:".
func AORArgument(text string) (string, error) {
	u, err := sip.ParseURI(text)
	if err != nil || u.Host == "" {
		u, err = sip.ParseURI("sip:" + text)
	}
	if err != nil || u.User == "" {
		return "", fmt.Errorf("%q is no address like bob@example.com", text)
	}
	return u.AOR(), nil
}
