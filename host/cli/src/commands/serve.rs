//! `firebrick serve`: models on engines for other programs.

use crate::args::serve::Serve;
use crate::error::{CliError, Outcome};
use crate::output::Output;

#[cfg(not(feature = "serve"))]
pub fn run(_: &Serve, _: &mut Output) -> Result<Outcome, CliError> {
    Err(CliError::NoService)
}

#[cfg(feature = "serve")]
pub fn run(args: &Serve, output: &mut Output) -> Result<Outcome, CliError> {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use firebrick::{Cancel, Model};
    use firebrick_serve::Server;
    use firebrick_serve::pool::Engines;
    use signal_hook::consts::{SIGINT, SIGTERM};

    /// Between two looks at whether a signal has come.
    const INTERVAL: Duration = Duration::from_millis(20);

    // Before engines are opened, which are to be left in order.
    let stop = crate::signals::first_of(&[SIGINT, SIGTERM])?;
    let options = options(args)?;
    let open = options.listen.iter().any(|at| !at.ip().is_loopback());
    if open && options.token.is_none() {
        crate::progress::warning(
            "everybody who reaches this machine can use the service: give a token with \
             --token-file, or listen on 127.0.0.1 alone",
        );
    }
    let models = models(args)?;
    let plain: Vec<Model> = models.iter().map(|served| served.model.clone()).collect();
    let cancel = Cancel::default();
    let sources = Engines::sources(&args.device, &plain, args.deadline, &cancel)?;
    let server = Server::start(models, sources, options, cancel)?;
    for address in server.addresses() {
        output.line(format_args!("http://{address}"))?;
    }
    output.flush()?;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(INTERVAL);
    }
    match server.end() {
        true => Ok(Outcome::Good),
        false => Err(CliError::NotDrained),
    }
}

#[cfg(feature = "serve")]
fn models(args: &Serve) -> Result<Vec<firebrick_serve::Served>, CliError> {
    use firebrick::Model;
    use firebrick_serve::Served;

    const BUILTIN: &str = "builtin";
    let given: Vec<&str> = match args.model.is_empty() {
        true => vec![BUILTIN],
        false => args.model.iter().map(String::as_str).collect(),
    };
    let load = |given: &str| {
        let (name, pack) = match given.split_once('=') {
            Some((name, pack)) => (Some(name), pack),
            None => (None, given),
        };
        let model = match pack {
            BUILTIN => Model::builtin(),
            pack => Model::load(pack)?,
        };
        Served::new(name, model)
            .map_err(|text| CliError::Served(format!("--model {given}: {text}")))
    };
    given.into_iter().map(load).collect()
}

#[cfg(feature = "serve")]
fn options(args: &Serve) -> Result<firebrick_serve::ServeOptions, CliError> {
    use firebrick_serve::pool::PoolOptions;
    use firebrick_serve::{Limits, ServeOptions};

    let limits = Limits::default();
    let body = (args.max_body as usize) << 20;
    let picture = u64::from(args.max_picture) << 20;
    Ok(ServeOptions {
        listen: args.listen.clone(),
        token: token(args)?,
        pool: PoolOptions {
            queue: args.queue as usize,
            batch: args.batch as usize,
            ..PoolOptions::default()
        },
        limits: Limits {
            body,
            bodies: limits.bodies.max(body),
            picture,
            pictures: limits.pictures.max(picture),
            time: args.timeout,
            connections: args.connections as usize,
            ..limits
        },
        grace: args.grace.unwrap_or_default(),
        drain: args.drain,
    })
}

/// What clients have to show: from the file, or from the variable.
#[cfg(feature = "serve")]
fn token(args: &Serve) -> Result<Option<firebrick_serve::Token>, CliError> {
    use firebrick_serve::Token;

    const VARIABLE: &str = "FIREBRICK_TOKEN";
    const HINT: &str = "write the token to a file as one line of text";
    let (place, text) = match &args.token_file {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| CliError::file(path, error, HINT))?;
            (path.display().to_string(), text)
        }
        None => match std::env::var(VARIABLE) {
            Ok(text) => (VARIABLE.to_owned(), text),
            Err(_) => return Ok(None),
        },
    };
    let token = Token::new(&text);
    let token = token.map_err(|error| CliError::Served(format!("{place}: {error}; {HINT}")))?;
    Ok(Some(token))
}
