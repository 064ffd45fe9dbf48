// A photo as the service needs it: large enough to tell what it shows, small enough for a slow network.
const LONGEST_PX = 1280;
const QUALITY = 0.9;

/** Draw a photo into a canvas, upright and no larger than needed, and give it as a JPEG. Raises where it is no picture. */
export async function shrunk(file: Blob, canvas: HTMLCanvasElement): Promise<Blob> {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d")!.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve, reject) => {
    canvas.toBlob((made) => (made ? resolve(made) : reject(new Error("canvas"))), "image/jpeg", QUALITY);
  });
}
