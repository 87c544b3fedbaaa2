package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// RedisMode is the way to the master.
type RedisMode string

const (
	RedisStandalone RedisMode = "standalone" // one server
	RedisSentinel   RedisMode = "sentinel"   // the sentinels know the master
	RedisCluster    RedisMode = "cluster"    // the slots say which master
)

// Redis is the parsed URL of [store] redis. Its forms:
//
//	redis://[user:password@]host[:6379][/db]
//	redis+sentinel://[user:password@]host[:26379],.../master[/db]
//	redis+cluster://[user:password@]host[:6379],...
//
// With rediss instead of redis the connections are TLS. User and password may hold %HH escapes.
type Redis struct {
	Mode     RedisMode
	Addrs    []string // host:port of the server, of the sentinels, or of some nodes of the cluster
	Username string   // Empty: the default user.
	Password Secret   // For the servers, not the sentinels.
	Master   string   // The name that the sentinels know; empty otherwise.
	DB       int      // 0 in a cluster, which has no other.
	TLS      bool
}

// String is the URL without the user and the password.
func (r Redis) String() string {
	scheme := "redis"
	if r.TLS {
		scheme = "rediss"
	}
	path := ""
	switch r.Mode {
	case RedisSentinel:
		scheme, path = scheme+"+sentinel", fmt.Sprintf("/%s/%d", r.Master, r.DB)
	case RedisCluster:
		scheme += "+cluster"
	default:
		path = fmt.Sprintf("/%d", r.DB)
	}
	return scheme + "://" + strings.Join(r.Addrs, ",") + path
}

func (r *reader) redis(key string, to **Redis) {
	url := ""
	if !text(r, key, &url) {
		return
	}
	parsed, err := parseRedis(url)
	if err != nil {
		r.fail(key, "%v", err)
		return
	}
	*to = &parsed
}

var errRedisScheme = errors.New("is not a URL that begins with redis://, rediss://, redis+sentinel:// or redis+cluster://")

// parseRedis reads a URL by hand: package url knows no lists of hosts, and its errors show the password.
// No error here quotes any piece: with the @ forgotten, each could be the password.
func parseRedis(url string) (Redis, error) {
	var r Redis
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return r, errRedisScheme
	}
	protocol, mode, _ := strings.Cut(scheme, "+")
	r.TLS = protocol == "rediss"
	port := "6379"
	switch mode {
	case "":
		r.Mode = RedisStandalone
	case "sentinel":
		r.Mode, port = RedisSentinel, "26379"
	case "cluster":
		r.Mode = RedisCluster
	}
	if r.Mode == "" || (protocol != "redis" && !r.TLS) || strings.HasSuffix(scheme, "+") {
		return r, errRedisScheme
	}
	if err := r.credentials(&rest); err != nil {
		return r, err
	}
	if strings.ContainsAny(rest, "?#") {
		return r, errors.New("takes no query; what can be set stands in the host and path")
	}
	hosts, path, _ := strings.Cut(rest, "/")
	if err := r.hosts(hosts, port); err != nil {
		return r, err
	}
	return r, r.path(path)
}

// credentials takes what stands before the last @ off rest.
func (r *Redis) credentials(rest *string) error {
	i := strings.LastIndexByte(*rest, '@')
	if i < 0 {
		return nil
	}
	user, password, hasPassword := strings.Cut((*rest)[:i], ":")
	*rest = (*rest)[i+1:]
	username, err := unescape(user)
	if err != nil {
		return fmt.Errorf("user: %w", err)
	}
	secret, err := unescape(password)
	if err != nil {
		return fmt.Errorf("password: %w", err)
	}
	if username != "" && !hasPassword {
		return errors.New("has a user without a password; write user:password@ or :password@")
	}
	r.Username, r.Password = username, NewSecret(secret)
	return nil
}

func (r *Redis) hosts(list, defaultPort string) error {
	for s := range strings.SplitSeq(list, ",") {
		host, port := s, defaultPort
		if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
			host, port = s[:i], s[i+1:]
		}
		canonical, err := canonicalRedisHost(host)
		if err != nil {
			return err
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("has a host whose port is not a number from 1 to 65535")
		}
		r.Addrs = append(r.Addrs, canonical+":"+port)
	}
	if r.Mode == RedisStandalone && len(r.Addrs) > 1 {
		return errors.New("names several hosts; redis+sentinel:// and redis+cluster:// do")
	}
	return nil
}

// canonicalRedisHost also accepts underscores, which names in containers have.
func canonicalRedisHost(host string) (string, error) {
	if host == "" {
		return "", errors.New("names no host")
	}
	if _, err := netip.ParseAddr(host); err != nil && !strings.HasPrefix(host, "[") {
		if checkName(strings.ReplaceAll(strings.ToLower(host), "_", "x")) == nil {
			return host, nil
		}
	}
	canonical, err := canonicalHost(host)
	if err != nil {
		return "", errors.New("has a host that is neither a name nor an IP address (IPv6 in brackets)")
	}
	return canonical, nil
}

// path reads what stands behind the hosts: a database, behind the master's name where there are sentinels.
func (r *Redis) path(path string) error {
	db := path
	switch r.Mode {
	case RedisCluster:
		if path != "" {
			return errors.New("has a path, but a cluster has no databases")
		}
	case RedisSentinel:
		r.Master, db, _ = strings.Cut(path, "/")
		if r.Master == "" {
			return errors.New("lacks the name of the master: redis+sentinel://host:26379/master")
		}
	}
	if db == "" {
		return nil
	}
	n, err := strconv.ParseUint(db, 10, 16)
	if err != nil {
		return errors.New("ends in a database that is not a number")
	}
	r.DB = int(n)
	return nil
}
