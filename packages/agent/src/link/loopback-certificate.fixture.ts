/** A certificate for 127.0.0.1 and its key, for tests of TLS on loopback and for nothing else; valid until 2126. */
export const loopbackCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBoTCCAUegAwIBAgIUL0itTSNtFMsqlRRcjGHkLWqNra8wCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMcG9zdGVybiB0ZXN0MCAXDTI2MTEyNDA4NDk1NVoYDzIxMjYx
MDMxMDg0OTU1WjAXMRUwEwYDVQQDDAxwb3N0ZXJuIHRlc3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAATgIvNoq0U6hesZvs4YOBb6aiueeYmQJENblceje7nmHtk5
4R+l4H5PfdPiZDqLotNPJxuv4wKxorTw+fl+vLTdo28wbTAdBgNVHQ4EFgQUJJsq
Xxe9o/S/hVdzLvaQBqTcjOgwHwYDVR0jBBgwFoAUJJsqXxe9o/S/hVdzLvaQBqTc
jOgwDwYDVR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3Qw
CgYIKoZIzj0EAwIDSAAwRQIgBTIQcwMynw6tjT3LDKwzVy0D4MspGFuT+ps14VW7
33YCIQDZjjVpEf6ejBFa0voxaBf685Y6fPnwxjr90wtaWYqPjg==
-----END CERTIFICATE-----`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnK+hNx8ZjV3RkL+o
UHBBhyenwYyzQejywUvNMApFDeGhRANCAATgIvNoq0U6hesZvs4YOBb6aiueeYmQ
JENblceje7nmHtk54R+l4H5PfdPiZDqLotNPJxuv4wKxorTw+fl+vLTd
-----END PRIVATE KEY-----`,
};
