//! What quantising did to each layer: ranges, steps, clipped shares, and noise against the float
//! model.

use std::path::Path;

use firebrick_model::Activations;
use firebrick_network::{Network, NodeId};
use ndarray::{Array3, ArrayView3};
use serde::Serialize;

use crate::reference::Reference;
use crate::{Error, Image, Model};

/// Steps of a histogram over 256 values.
const STEPS: usize = 32;
/// Values of 8 bits.
const VALUES: usize = 256;

/// What quantising did to one convolution.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerQuantisation {
    /// Its name.
    pub name: String,
    /// Share of weights that are 0, from 0 to 1.
    pub zero_weights: f64,
    /// Largest weight without its sign, at most 127.
    pub largest_weight: u8,
    /// Real value of one step of the output.
    pub output_scale: f64,
    /// Largest real value that is kept: of 255 steps.
    pub clip: f64,
    /// Largest real value of the float model; none without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<f64>,
    /// Signal over what quantising the network up to here added, in dB; none without a float
    /// model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqnr_db: Option<f64>,
    /// How many weights have each value, in 32 steps from -128 to 127.
    pub weights: Vec<u64>,
    /// The same for the activations, from 0 to 255; empty without a photograph.
    pub activations: Vec<u64>,
    /// Share of activations that are 0; none without a photograph.
    pub zeros: Option<f64>,
    /// Share of activations that are 255, clipped; none without a photograph.
    pub clipped: Option<f64>,
}

/// Figures of a network's convolutions, gathered picture by picture.
#[derive(Clone, Debug)]
pub struct Figures {
    /// In order, with the places of their nodes.
    convs: Vec<(usize, Seen)>,
}

/// What was seen of one convolution's output.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// How often each value occurred; empty before the first picture.
    counts: Vec<u64>,
    /// Empty without a float model.
    channels: Vec<Channel>,
    largest: f64,
}

/// Sums of products, from which the noise follows for any step.
#[derive(Clone, Copy, Debug, Default)]
struct Channel {
    real_real: f64,
    real_made: f64,
    made_made: f64,
}

impl Channel {
    /// Squared error at a step; without one, at the step that fits best.
    fn noise(&self, step: Option<f64>) -> f64 {
        let fits = match self.made_made > 0.0 {
            true => self.real_made / self.made_made,
            false => 0.0,
        };
        let step = step.unwrap_or(fits);
        (self.real_real - 2.0 * step * self.real_made + step * step * self.made_made).max(0.0)
    }
}

impl Seen {
    fn add(&mut self, made: &ArrayView3<'_, u8>, real: Option<&Array3<f32>>) {
        self.counts.resize(VALUES, 0);
        made.iter()
            .for_each(|value| self.counts[usize::from(*value)] += 1);
        let Some(real) = real.filter(|real| real.dim() == made.dim()) else {
            return;
        };
        self.channels.resize(made.dim().2, Channel::default());
        for (real, made) in real.rows().into_iter().zip(made.rows()) {
            for ((real, made), sums) in real.iter().zip(made).zip(&mut self.channels) {
                let (real, made) = (f64::from(*real), f64::from(*made));
                self.largest = self.largest.max(real);
                sums.real_real += real * real;
                sums.real_made += real * made;
                sums.made_made += made * made;
            }
        }
    }

    fn merge(&mut self, other: &Seen) {
        self.counts
            .resize(self.counts.len().max(other.counts.len()), 0);
        let counts = self.counts.iter_mut().zip(&other.counts);
        counts.for_each(|(count, more)| *count += more);
        let longer = self.channels.len().max(other.channels.len());
        self.channels.resize(longer, Channel::default());
        for (sums, more) in self.channels.iter_mut().zip(&other.channels) {
            sums.real_real += more.real_real;
            sums.real_made += more.real_made;
            sums.made_made += more.made_made;
        }
        self.largest = self.largest.max(other.largest);
    }

    /// Share of the activations with a value; none without activations.
    fn share(&self, value: u8) -> Option<f64> {
        let all: u64 = self.counts.iter().sum();
        let of = self.counts.get(usize::from(value))?;
        Some(*of as f64 / all.max(1) as f64)
    }

    fn sqnr_db(&self, steps: Option<&[f64]>) -> Option<f64> {
        let signal: f64 = self.channels.iter().map(|sums| sums.real_real).sum();
        let channels = self.channels.iter().enumerate();
        let noise: f64 = channels
            .map(|(at, sums)| sums.noise(steps.map(|steps| steps.get(at).copied().unwrap_or(0.0))))
            .sum();
        (signal > 0.0 && noise > 0.0).then(|| 10.0 * (signal / noise).log10())
    }
}

impl Figures {
    /// Of no picture yet.
    #[must_use]
    pub fn new(network: &Network) -> Figures {
        let nodes = network.nodes.iter().enumerate();
        Figures {
            convs: nodes
                .filter(|(_, node)| node.op.conv().is_some())
                .map(|(at, _)| (at, Seen::default()))
                .collect(),
        }
    }

    /// Adds a picture: what the integer model made of it, and all maps of the float model, if there
    /// is one. Maps of another shape are left out.
    pub fn add(&mut self, made: &Activations, real: Option<&[Array3<f32>]>) {
        for (at, seen) in &mut self.convs {
            if let Some(map) = made.map(NodeId(*at)) {
                seen.add(&map, real.and_then(|maps| maps.get(*at)));
            }
        }
    }

    /// Adds the figures of other pictures of the same network.
    #[must_use]
    pub fn merge(mut self, others: &Figures) -> Figures {
        let convs = self.convs.iter_mut().zip(&others.convs);
        convs.for_each(|((_, seen), (_, more))| seen.merge(more));
        self
    }

    /// The figures of every convolution of the network, in order.
    ///
    /// `steps` is the real value of a step for each channel of each node, if it is known. A packed
    /// model does not keep the steps of equalised channels: without `steps`, the noise is
    /// that at the step which fits each channel best.
    #[must_use]
    pub fn layers(&self, network: &Network, steps: Option<&[Vec<f64>]>) -> Vec<LayerQuantisation> {
        let convs = self.convs.iter();
        convs
            .filter_map(|(at, seen)| {
                let node = network.nodes.get(*at)?;
                let conv = node.op.conv()?;
                let mut weights = vec![0; VALUES];
                for weight in &conv.weights {
                    // From -128 on.
                    weights[usize::from(weight.cast_unsigned() ^ 0x80)] += 1;
                }
                let zeros = weights[128] as f64 / conv.weights.len().max(1) as f64;
                let largest = conv.weights.iter().map(|w| w.unsigned_abs()).max();
                let steps = steps.and_then(|steps| steps.get(*at));
                Some(LayerQuantisation {
                    name: node.name.clone(),
                    zero_weights: zeros,
                    largest_weight: largest.unwrap_or(0),
                    output_scale: f64::from(conv.output_scale),
                    clip: 255.0 * f64::from(conv.output_scale),
                    largest: (!seen.channels.is_empty()).then_some(seen.largest),
                    sqnr_db: seen.sqnr_db(steps.map(Vec::as_slice)),
                    weights: histogram(&weights),
                    activations: histogram(&seen.counts),
                    zeros: seen.share(0),
                    clipped: seen.share(u8::MAX),
                })
            })
            .collect()
    }
}

fn histogram(counts: &[u64]) -> Vec<u64> {
    let steps = counts.chunks(VALUES / STEPS);
    steps.map(|values| values.iter().sum()).collect()
}

/// Gathers a model's figures over pictures, on the integer model: [`Model::quantisation`].
pub struct Quantisation<'a> {
    model: &'a Model,
    integer: firebrick_model::Model,
    reference: Option<Reference>,
    figures: Figures,
}

impl Quantisation<'_> {
    /// Runs a picture, and the float model on the very pixels that the packed one gets.
    ///
    /// # Errors
    /// If the picture cannot be read, decoded or scaled, or a layer does not fit the picture size.
    pub fn add<'a>(&mut self, image: impl Into<Image<'a>>) -> Result<(), Error> {
        let input = self.model.input(image)?;
        let made = self.integer.run(&input.view())?;
        let real = self.reference.as_ref();
        let real = real
            .map(|reference| reference.network().forward(input.view()))
            .transpose()?;
        self.figures.add(&made, real.as_deref());
        Ok(())
    }

    /// The figures of every convolution, in order, over the pictures up to here.
    #[must_use]
    pub fn layers(&self) -> Vec<LayerQuantisation> {
        self.figures.layers(self.model.network(), None)
    }
}

impl Model {
    /// Begins to gather what quantising did to each layer; see
    /// [`quantisation_report`](Self::quantisation_report) for pictures that are all there.
    ///
    /// # Errors
    /// If the float model cannot be read or has other classes, or the integer model does not take the
    /// network.
    pub fn quantisation(&self, reference: Option<&Path>) -> Result<Quantisation<'_>, Error> {
        let network = self.network();
        let [height, width, _] = self.input_shape();
        let size = crate::target::Size { height, width };
        Ok(Quantisation {
            model: self,
            integer: firebrick_model::Model::new(network)?,
            reference: reference
                .map(|path| Reference::open(path, network, size))
                .transpose()?,
            figures: Figures::new(network),
        })
    }

    /// What quantising did to each convolution, in order. Without pictures there are the figures of
    /// the weights and steps alone; `reference` is the float model that the packed one was made from,
    /// a file of any kind that `firebrick import` reads, and gives range and noise.
    ///
    /// ```
    /// # fn main() -> Result<(), firebrick::Error> {
    /// # let cat = concat!(env!("CARGO_MANIFEST_DIR"), "/../../weights/samples/cat.png");
    /// let model = firebrick::Model::builtin();
    /// for layer in model.quantisation_report(&[cat.into()], None)? {
    ///     let clipped = layer.clipped.unwrap_or(0.0);
    ///     println!("{:20} up to {:6.2}, clipped {clipped:.5}", layer.name, layer.clip);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If a picture cannot be read, decoded or scaled, if the float model cannot be read or has other
    /// classes, or if a layer does not fit the picture size.
    pub fn quantisation_report(
        &self,
        images: &[Image<'_>],
        reference: Option<&Path>,
    ) -> Result<Vec<LayerQuantisation>, Error> {
        let mut report = self.quantisation(reference)?;
        for image in images {
            report.add(image.clone())?;
        }
        Ok(report.layers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(made: [u8; 4], real: [f32; 4]) -> Seen {
        let mut seen = Seen::default();
        let map = |values: [u8; 4]| Array3::from_shape_vec((1, 2, 2), values.to_vec());
        let real = Array3::from_shape_vec((1, 2, 2), real.to_vec()).unwrap();
        seen.add(&map(made).unwrap().view(), Some(&real));
        seen
    }

    #[test]
    fn noise_is_that_of_each_channels_step() {
        // Channels with steps of 0.5 and 2, the second with an error of 1 in one value.
        let seen = seen([10, 3, 0, 255], [5.0, 6.0, 0.0, 511.0]);
        let signal: f64 = 25.0 + 36.0 + 511.0 * 511.0;
        let near = |got: Option<f64>, noise: f64| {
            let want = 10.0 * (signal / noise).log10();
            assert!((got.unwrap() - want).abs() < 1e-6, "{got:?}, not {want}");
        };
        near(seen.sqnr_db(Some(&[0.5, 2.0])), 1.0);
        near(seen.sqnr_db(Some(&[1.0, 2.0])), 26.0);
        // The best step: what is left at right angles to the values made.
        let (rq, qq): (f64, f64) = (6.0 * 3.0 + 511.0 * 255.0, 9.0 + 255.0 * 255.0);
        near(seen.sqnr_db(None), signal - 25.0 - rq * rq / qq);
        assert_eq!(seen.largest, 511.0);
    }

    #[test]
    fn pictures_add_up() {
        let (a, b) = ([0, 255, 0, 7], [255, 255, 0, 1]);
        let mut merged = seen(a, [0.0, 9.0, 1.0, 1.0]);
        assert_eq!(
            (merged.share(0), merged.share(255)),
            (Some(0.5), Some(0.25))
        );
        merged.merge(&seen(b, [3.0, 2.0, 1.0, 1.0]));
        assert_eq!(merged.share(255), Some(3.0 / 8.0));
        assert_eq!(merged.largest, 9.0);
        let counts = histogram(&merged.counts);
        assert_eq!((counts.len(), counts[0], counts[STEPS - 1]), (STEPS, 5, 3));
        assert_eq!(merged.channels[0].real_real, 1.0 + 9.0 + 1.0);
        // Nothing was seen: nothing is known.
        let none = Seen::default();
        assert_eq!((none.share(0), none.sqnr_db(None)), (None, None));
        assert!(histogram(&none.counts).is_empty());
    }
}
