"""Answers to the page, as JSON, images and events; each module holds the routes of one subject.

A body is a JSON object of at most 1 MiB, with the names in brackets; ``options`` and ``settings`` are those of
:class:`~icsys.options.Options` and of :class:`~icsys.run_settings.RunSettings` by name. An answer is a JSON object
unless another kind is named. An error is ``{"error": a sentence}``, for an image also with ``code``, and for a preview
with ``photo``, the path of its image. Its status is 400 for wrong values, 404 for what is not there, 409 for what a
newer request has replaced or what goes on already, 413 for a body that is too long, 422 for an image that cannot be
read or used.

``GET /api/state``
    Source, destination, options and settings to begin with, and what each option accepts.
``GET /api/events``
    The stream of news as server-sent events of the kinds run, learn, cost, frontier, inspection, worst, left_out,
    palette and source; a new listener gets the latest of each kind first.
``GET /api/images``
    A part of the list: first, count (at most 1000), words, label, split, order (name, or worst: the images that were
    measured last), and left_out, the key of settings: images that a run with them leaves out say why. ``complete``
    says whether the source is listed, ``measuring`` whether the order is not final.
    The ``version`` of an image is another one once its file changes.
``POST /api/images``
    202: looks in the background whether images of a folder came, went or changed; news of the kind source say so.
``GET /api/images/{image}/thumbnail``
    A small JPEG of an image; 204 in place of 422 with broken=empty. With the version of the list, browsers keep it.
``GET /api/images/{image}/original``
    A JPEG with sides of at most 4096 pixels; likewise.
``POST /api/preview``
    [image, options, slot] Figures of one image with options, and the key of the preview. A newer request of the same
    slot replaces an older one. ``note`` says where it differs from a run, ``progress`` below 1 that it soon will not.
``GET /api/preview/{key}/quality``
    PSNR, SSIM, CIEDE2000 and MSE.
``GET /api/preview/{key}/lossy/{codec}``
    Key and figures of jpeg or webp at equal bytes; ``fits`` says whether any quality takes so few.
``GET /api/preview/{key}/before``
    The resized image, a PNG.
``GET /api/preview/{key}/after``
    The output, or a PNG of its pixels where browsers do not show its format.
``POST /api/inspection``
    202: an inspection begins, unless one goes on; what it finds comes as news.
``GET /api/inspection``
    The latest news of the inspection.
``DELETE /api/inspection``
    Ends the inspection; what was found until then comes as news.
``POST /api/worst``
    [options] 202: a sample of up to 200 images is measured by its mean CIEDE2000; the order comes as news.
``POST /api/left-out``
    [settings] The key of settings by which the page asks what they leave out, empty if nothing; more comes as news.
``GET /api/left-out/{key}/{image}``
    Why a run leaves an image out; empty if it does not, or if ``is_known`` is false yet.
``POST /api/cost``
    [options, settings] Begins to estimate a whole run, and gives the key of its news.
``DELETE /api/cost``
    Ends the estimate.
``POST /api/frontier``
    [options, settings, total_bytes, free] Begins to find what is best within so many bytes, and gives the key of its
    news. ``free`` says what may change: size, colours or both.
``DELETE /api/frontier``
    Ends the search.
``POST /api/run``
    [destination, options, settings, kept] Starts a run. ``kept`` names options among step, scale, size and colors that
    a run within a number of bytes keeps, though they may have their default values.
``GET /api/run``
    The latest news of the run.
``DELETE /api/run``
    Ends the run in order.
``POST /api/run/check``
    [destination, options, settings, kept] What a run would find at its destination, and what it would choose.
``GET /api/run/report``
    The report of the last run, an HTML page.
``POST /api/learn``
    [options, minutes] Begins to learn what a model keeps.
``GET /api/learn``
    The latest news of it, the last result, and the files of ``ics learn`` in the folders that were opened.
``POST /api/learn/file``
    [file] Shows the result in one of these files.
``DELETE /api/learn``
    Ends it in order.
``POST /api/settings``
    [options, settings, destination, kept] The command line, Python and TOML of settings.
``POST /api/settings/toml``
    [text] Options and settings of a TOML text.
``GET /api/presets``
    The presets that are kept by name.
``PUT /api/presets``
    [name, options] Keeps a preset.
``DELETE /api/presets``
    [name] Forgets a preset.
"""
