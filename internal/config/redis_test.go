package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestRedisURLs(t *testing.T) {
	for url, want := range map[string]Redis{
		"redis://localhost":                 {Mode: RedisStandalone, Addrs: []string{"localhost:6379"}},
		"redis://redis_1:6380/3":            {Mode: RedisStandalone, Addrs: []string{"redis_1:6380"}, DB: 3},
		"rediss://[::1]/":                   {Mode: RedisStandalone, Addrs: []string{"[::1]:6379"}, TLS: true},
		"redis://:p%40ss@192.0.2.1":         {Mode: RedisStandalone, Addrs: []string{"192.0.2.1:6379"}, Password: NewSecret("p@ss")},
		"redis://u:p@ss/w:@h":               {Mode: RedisStandalone, Addrs: []string{"h:6379"}, Username: "u", Password: NewSecret("p@ss/w:")},
		"redis+sentinel://a,b:1/mymaster":   {Mode: RedisSentinel, Addrs: []string{"a:26379", "b:1"}, Master: "mymaster"},
		"redis+sentinel://u:p@a:1/m/2":      {Mode: RedisSentinel, Addrs: []string{"a:1"}, Master: "m", DB: 2, Username: "u", Password: NewSecret("p")},
		"rediss+cluster://a:7000,b:7001,c/": {Mode: RedisCluster, Addrs: []string{"a:7000", "b:7001", "c:6379"}, TLS: true},
	} {
		got, err := parseRedis(url)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", url, got, err)
			continue
		}
		again, err := parseRedis(got.String())
		got.Username, got.Password = "", Secret{}
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s: String gives %s, %v", url, got, err)
		}
	}
}

func TestBadRedisURLsAreRefusedWithoutShowingThem(t *testing.T) {
	for _, url := range []string{
		"",                            // nothing
		"hunter2",                     // no scheme
		"redis:hunter2@localhost",     // no authority
		"redis+://hunter2",            // no mode
		"redis+ring://hunter2",        // unknown mode
		"http://u:hunter2@localhost",  // another protocol
		"redis://",                    // no host
		"redis://u:hunter2",           // the @ forgotten
		"redis://u:hunter2@",          // no host
		"redis://hunter2@localhost",   // a user without a password
		"redis://:hunter2%4@h",        // a broken escape
		"redis://:hunter2@a,b",        // two servers
		"redis://:x@h/hunter2",        // not a database
		"redis://:x@h/-1",             // not a database
		"redis://:x@h:0",              // no port
		"redis://:x@h:65536",          // no port
		"redis://:x@::1",              // no brackets
		"redis://h?password=hunter2",  // a query
		"redis+sentinel://:hunter2@a", // no master
		"redis+cluster://a,,b",        // an empty host
		"redis+cluster://a/1",         // a cluster has no databases
	} {
		_, err := parseRedis(url)
		if err == nil {
			t.Errorf("%s is accepted", url)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the password: %v", url, err)
		}
	}
}

func FuzzRedisURL(f *testing.F) {
	f.Add("redis+sentinel://u:p%40ss@a,b:26380,[::1]/mymaster/3")
	f.Add("rediss+cluster://a:1,b")
	f.Fuzz(func(t *testing.T, url string) {
		r, err := parseRedis(url)
		if err != nil {
			return
		}
		again, err := parseRedis(r.String())
		if err != nil || !reflect.DeepEqual(again.Addrs, r.Addrs) || again.Master != r.Master || again.DB != r.DB {
			t.Errorf("%q gives %s, which gives %+v, %v", url, r, again, err)
		}
	})
}
