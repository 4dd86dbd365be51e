//! Arguments of `firebrick serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::seconds;

#[derive(Debug, clap::Args)]
#[command(after_long_help = TOKEN)]
pub struct Serve {
    /// Engine that runs the models, may be repeated: xdma:/dev/xdma0, axidma:, sim:PRESET,
    /// software:PRESET, or model for the integer model
    #[arg(long, value_name = "URI", required = true)]
    pub device: Vec<String>,
    /// Packed model to serve, may be repeated, with the name that clients use if it is not the
    /// model's own; builtin is SqueezeNet v1.1 [default: builtin]
    #[arg(long, value_name = "[NAME=]PACK")]
    pub model: Vec<String>,
    /// Address and port to listen on, may be repeated; each speaks REST and gRPC
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    pub listen: Vec<SocketAddr>,
    /// File with the bearer token that clients have to show
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Pictures that can wait for an engine; further requests are refused
    #[arg(long, value_name = "N", default_value = "256", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub queue: u32,
    /// Pictures of one model that an engine runs in a row while others wait for another model
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub batch: u32,
    /// An engine that has given no result for this many seconds has failed [default: 60 on a board,
    /// otherwise derived from the predicted cycles]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub deadline: Option<Duration>,
    /// Time for a request, from its head to its answer
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
    /// After SIGTERM, work on for this long while readiness is denied [default: not at all]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub grace: Option<Duration>,
    /// After SIGTERM and the grace, time to answer what was accepted
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub drain: Duration,
    /// Largest body of a request, also after it is unpacked, in MiB
    #[arg(long, value_name = "MIB", default_value = "16", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub max_body: u32,
    /// Most memory that decoding one picture may take, in MiB; a JPEG takes 3 bytes a pixel
    #[arg(long, value_name = "MIB", default_value = "96", value_parser = clap::value_parser!(u32).range(1..=512))]
    pub max_picture: u32,
    /// Most connections at once
    #[arg(long, value_name = "N", default_value = "1024", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections: u32,
    /// Write the log as one JSON object a line
    #[arg(long)]
    pub log_json: bool,
}

const TOKEN: &str = "\
Token:
  Without --token-file, the variable FIREBRICK_TOKEN holds the token; without that, none is asked for. A variable is
  seen by other programs of the same user, a file can be kept from them.";
