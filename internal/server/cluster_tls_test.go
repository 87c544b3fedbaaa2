package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"presenced/internal/config"
	"presenced/internal/server/servertest"
	"presenced/sip"
)

// authority issues certificates for one test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = a.newKey()
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	a.write("ca.pem", &pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *authority) write(name string, block *pem.Block) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes a certificate; serial numbers tell them apart. uri: a SIP URI
// that it names, as a client's does.
func (a *authority) issue(serial int64, uri string) tls.Certificate {
	a.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if uri != "" {
		u, err := url.Parse(uri)
		if err != nil {
			a.t.Fatal(err)
		}
		template.URIs = []*url.URL{u}
	}
	key := a.newKey()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve issues the files of a listener.
func (a *authority) serve(serial int64) (cert, key string) {
	a.t.Helper()
	pair := a.issue(serial, "")
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write("cert.pem", &pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		a.write("key.pem", &pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// config is a node with TLS on an address, digest, and one principal.
func (a *authority) config(address string) string {
	cert, key := a.serve(2)
	return fmt.Sprintf(`
domains = ["example.com"]
[listen]
tls = ["%s"]
udp = []
tcp = []
http = []
[tls]
cert = "%s"
key = "%s"
client_ca = "%s"
[auth]
mode = "digest"
[notify]
min_interval = "0s"
[[principal]]
uri = "sip:bob@example.com"
password = "builder"
`, address, cert, key, filepath.Join(a.dir, "ca.pem"))
}

func TestClusterTLS(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		a := newAuthority(t)
		n := startNode(t, a.config(address))
		to := n.Addr(sip.TLS)
		bob := servertest.TLS(t, "bob@example.com", to, &tls.Config{RootCAs: a.pool})
		bob.Password = "builder"
		registered := bob.Do(to, bob.Registration(600), 200)
		if contact := registered.Header("Contact"); !strings.Contains(contact, bob.Contact) {
			t.Errorf("registered over TLS: %s", contact)
		}
		watch := bob.Subscribe(to, bob.AOR, 600)
		bob.Publish(to, "", "over TLS")
		watch.Until("over TLS")

		// A certificate proves who asks, and nobody else (RFC 5922 s.7.1).
		alice := servertest.TLS(t, "alice@example.com", to, &tls.Config{
			RootCAs: a.pool, Certificates: []tls.Certificate{a.issue(3, "sip:alice@example.com")}})
		alice.Do(to, alice.Registration(600), 200)
		alice.Subscribe(to, bob.AOR, 600)
		spoof := alice.Publication("", "not me", 600)
		spoof.URI = bob.AOR
		alice.Do(to, spoof, 403)
		alice.AOR = bob.AOR
		alice.Do(to, alice.Registration(600), 401)

		stranger := servertest.TLS(t, "alice@example.com", to, &tls.Config{RootCAs: a.pool})
		stranger.Do(to, stranger.Registration(600), 401)
	}
}

func TestClusterTLSVersions(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t), newAuthority(t)
	n := startNode(t, a.config("127.0.0.1:0"))
	to := n.Addr(sip.TLS)
	handshake := func(c *tls.Config) error {
		conn, err := tls.Dial("tcp", to.String(), c)
		if err != nil {
			return err
		}
		defer conn.Close()
		// In TLS 1.3 a refused client certificate is heard of by reading.
		if err := conn.SetDeadline(time.Now().Add(servertest.Patience)); err != nil {
			return err
		}
		if _, err := conn.Write([]byte("\r\n\r\n")); err != nil { // a ping: RFC 5626 s.3.5.1
			return err
		}
		_, err = conn.Read(make([]byte, 2))
		return err
	}
	for _, test := range []struct {
		name    string
		config  *tls.Config
		refused bool
	}{
		{"1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, true},
		{"1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, false},
		{"1.3", &tls.Config{MinVersion: tls.VersionTLS13}, false},
		{"a client of another authority", &tls.Config{Certificates: []tls.Certificate{other.issue(9, "sip:bob@example.com")}}, true},
	} {
		test.config.RootCAs = a.pool
		if test.refused && len(test.config.Certificates) > 0 {
			pair := test.config.Certificates[0] // sent whatever authorities are asked for
			test.config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		if err := handshake(test.config); (err != nil) != test.refused {
			t.Errorf("%s: %v, refused should be %v", test.name, err, test.refused)
		}
	}
}

// New handshakes see the new certificate, the old connection lives on.
func TestClusterTLSReload(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	text := a.config("127.0.0.1:0")
	n := startNode(t, text)
	to := n.Addr(sip.TLS)
	serial := func() int64 {
		conn, err := tls.Dial("tcp", to.String(), &tls.Config{RootCAs: a.pool})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	bob := servertest.TLS(t, "bob@example.com", to, &tls.Config{RootCAs: a.pool})
	bob.Password = "builder"
	watch := bob.Subscribe(to, bob.AOR, 600)
	if got := serial(); got != 2 {
		t.Fatalf("certificate %d", got)
	}
	a.serve(7)
	next, _, err := config.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if restart, err := n.Reload(t.Context(), next); err != nil || len(restart) > 0 {
		t.Fatalf("Reload: %v, %v", restart, err)
	}
	if got := serial(); got != 7 {
		t.Errorf("after the reload a handshake sees certificate %d", got)
	}
	bob.Publish(to, "", "on the old connection")
	watch.Until("on the old connection")

	// A file that cannot be read changes nothing.
	if err := os.WriteFile(filepath.Join(a.dir, "cert.pem"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Reload(t.Context(), next); err == nil {
		t.Error("a broken certificate is taken")
	}
	if got := serial(); got != 7 {
		t.Errorf("after a failed reload a handshake sees certificate %d", got)
	}
}

// IPv6 over UDP and TCP: the addresses stand in brackets wherever they are
// written.
func TestClusterIPv6(t *testing.T) {
	t.Parallel()
	n := startNode(t, strings.Replace(loopbackConfig, "127.0.0.1:0", "[::1]:0", 1))
	bob := servertest.UDP(t, "bob@[::1]", "::1")
	alice := servertest.TCP(t, "alice@[::1]", n.tcp())
	to := n.udp() // and TCP's
	bob.Do(to, bob.Registration(600), 200)
	for _, p := range []*servertest.Peer{bob, alice} {
		watch := p.Subscribe(to, bob.AOR, 600)
		bob.Publish(to, "", "six "+p.Contact)
		watch.Until("six " + p.Contact)
		watch.Refresh(to, 600)
		watch.Do(to, watch.Request(0), 200)
		watch.Until("terminated")
	}
}
