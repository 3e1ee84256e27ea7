//! TLS to the broker: the authorities that the operator named and no others, with `ring`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use crate::config::gateway::Mqtt;

/// What is wrong with the files that `[mqtt]` names. No message shows what is in a file.
#[derive(Debug, Error)]
pub enum TlsError {
    /// `mqtts://` without `ca-file`.
    #[error("mqtts:// needs ca-file: the certificate of the authority that signed the broker's")]
    NoAuthority,
    /// `cert-file` without `key-file`, or the other way round.
    #[error("cert-file and key-file belong together: one is given without the other")]
    HalfAnIdentity,
    /// A file cannot be read, or is not PEM.
    #[error("{}: {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A file holds no certificate.
    #[error("{}: no certificate in it", .0.display())]
    NoCertificate(PathBuf),
    /// A file's content is PEM, but not what TLS takes.
    #[error("{}: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The TLS library supports none of its own protocol versions.
    #[error("TLS: {0}")]
    Library(rustls::Error),
}

/// The TLS configuration of `mqtt`, read from its files.
pub fn client_config(mqtt: &Mqtt) -> Result<Arc<ClientConfig>, TlsError> {
    let authorities = authorities(mqtt.ca_file.as_deref().ok_or(TlsError::NoAuthority)?)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Library)?
        .with_root_certificates(authorities);
    let config = match (&mqtt.cert_file, &mqtt.key_file) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert_file), Some(key_file)) => builder
            .with_client_auth_cert(certificates(cert_file)?, key(key_file)?)
            .map_err(|source| TlsError::Unusable { path: cert_file.clone(), source })?,
        _ => return Err(TlsError::HalfAnIdentity),
    };
    Ok(Arc::new(config))
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|source| TlsError::Unusable { path: path.to_owned(), source })?;
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| TlsError::Pem { path: path.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(certificates)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let failed = |source| TlsError::Pem { path: path.to_owned(), source };
    let text = Zeroizing::new(std::fs::read(path).map_err(|error| failed(pem::Error::Io(error)))?);
    PrivateKeyDer::from_pem_slice(&text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mqtt(ca_file: Option<&Path>) -> Mqtt {
        Mqtt {
            host: "broker.example".into(),
            port: 8883,
            tls: true,
            client_id: None,
            username: None,
            password_file: None,
            ca_file: ca_file.map(Path::to_owned),
            cert_file: None,
            key_file: None,
            root: "emma".into(),
            protocol: crate::config::gateway::Protocol::Mqtt5,
        }
    }

    #[test]
    fn an_error_names_the_file_and_not_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        let error = |mqtt: &Mqtt| client_config(mqtt).unwrap_err().to_string();
        assert!(error(&mqtt(None)).contains("ca-file"));
        assert!(error(&mqtt(Some(&file))).contains("ca.pem"), "absent");
        std::fs::write(&file, "hunter2").unwrap();
        let message = error(&mqtt(Some(&file)));
        assert!(message.contains("ca.pem") && !message.contains("hunter2"), "{message}");
    }

    #[test]
    fn a_certificate_without_its_key_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let half = Mqtt { cert_file: Some(dir.path().join("cert.pem")), ca_file: None, ..mqtt(None) };
        assert!(matches!(client_config(&half), Err(TlsError::NoAuthority)));
    }
}
