//! The private certificate authority of the stand-in, and the server certificate it signs.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What the server needs, and what its clients must trust.
pub(super) struct Certificates {
    /// For the TLS acceptor.
    pub(super) server: Arc<ServerConfig>,
    /// The authority's certificate.
    pub(super) authority_pem: String,
}

/// Makes a fresh authority and a certificate for loopback.
pub(super) fn make() -> Certificates {
    let authority_key = KeyPair::generate().expect("ring makes keys");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, "patchparty test authority");
    let authority_pem = authority.self_signed(&authority_key).expect("the parameters are valid").pem();

    let key = KeyPair::generate().expect("ring makes keys");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let parameters = CertificateParams::new(names).expect("the names are valid");
    let issuer = Issuer::from_params(&authority, &authority_key);
    let certificate = parameters.signed_by(&key, &issuer).expect("the parameters are valid");

    let private_key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private_key)
        .expect("the key belongs to the certificate");
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Certificates { server: Arc::new(server), authority_pem }
}
